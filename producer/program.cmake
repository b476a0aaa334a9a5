millrace_module(NAME gateway
    SRCS gateway_service.cc
    DEPS millrace::broker millrace::dispatch millrace::events millrace::intake millrace::keeper
         millrace::query
    PRIVATE_DEPS millrace::runtime)
