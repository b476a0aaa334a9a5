millrace_module(NAME worker SRCS parts.cc succession.cc worker.cc
    DEPS millrace::broker millrace::storage millrace::worker_consume millrace::worker_execute
    PRIVATE_DEPS millrace::runtime millrace::telemetry fmt::fmt)

millrace_module(NAME worker_reload SRCS reload.cc
    DEPS millrace::base millrace::config)

set(backends millrace::backend_oip millrace::backend_openai millrace::backend_process
    millrace::backend_synthetic)
if(llama_FOUND)
    list(APPEND backends millrace::backend_llama)
endif()
millrace_program(NAME millrace-worker SRCS main.cc backends_table.cc worker_config.cc
    DEPS millrace::worker millrace::worker_reload millrace::worker_status ${backends} millrace::program millrace::runtime millrace::telemetry)
