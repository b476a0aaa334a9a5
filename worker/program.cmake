millrace_module(NAME worker SRCS worker.cc
    DEPS millrace::broker millrace::storage millrace::worker_execute
    PRIVATE_DEPS millrace::runtime millrace::telemetry millrace::worker_consume)
