millrace_module(NAME gateway
    SRCS gateway_service.cc parts.cc
    DEPS millrace::broker millrace::dispatch millrace::events millrace::intake millrace::keeper
         millrace::query
    PRIVATE_DEPS millrace::runtime)

millrace_program(NAME millrace-gateway
    SRCS gateway_config.cc main.cc
    DEPS millrace::api millrace::gateway millrace::program millrace::runtime millrace::telemetry
         fmt::fmt)
