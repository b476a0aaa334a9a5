# Compiler settings for every target: ccache when present, warnings as errors, sanitizers.

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
    # Without the sloppiness ccache passes on whatever uses a precompiled header. CCACHE_DEPEND: the compiler says
    # what a source includes, so ccache does not preprocess it first.
    set(launcher ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros CCACHE_DEPEND=1 ${CCACHE_PROGRAM})
    set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
    set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
endif()

add_library(millrace_compiler INTERFACE)
target_compile_options(millrace_compiler INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Wunused
    -Woverloaded-virtual -Wnull-dereference -Wimplicit-fallthrough -Wcast-align -Werror
    # Designated initialisers name what differs from the defaults; the rest is meant.
    -Wno-missing-field-initializers
    # clang, which builds the fuzz targets, has other names for some of GCC's.
    $<$<CXX_COMPILER_ID:Clang>:-Wno-unknown-warning-option>)
# The precompiled headers (cmake/Modules.cmake) have fmt's; what shares them must see the same macros.
target_compile_definitions(millrace_compiler INTERFACE
    $<TARGET_PROPERTY:fmt::fmt,INTERFACE_COMPILE_DEFINITIONS>)
# GCC 12 reports null dereferences and maybe-uninitialised reads inside inlined libstdc++ and
# Boost code that do not exist; both are errors only where optimisation does not invent them.
target_compile_options(millrace_compiler INTERFACE
    $<$<CONFIG:Release,RelWithDebInfo>:-Wno-null-dereference -Wno-maybe-uninitialized -Wno-restrict>)

# In a unity build (several sources compiled as one; CMakePresets.json) these two see one source's
# names from another. Builds of single sources, such as `dev` and that of clang-tidy, have them.
if(CMAKE_UNITY_BUILD)
    target_compile_options(millrace_compiler INTERFACE -Wno-shadow -Wno-subobject-linkage)
endif()

if(MILLRACE_SANITIZE STREQUAL "address")
    set(sanitize_flags -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
elseif(MILLRACE_SANITIZE STREQUAL "thread")
    set(sanitize_flags -fsanitize=thread -fno-omit-frame-pointer)
elseif(MILLRACE_SANITIZE STREQUAL "fuzzer")
    # clang's; each fuzz target links its driver too (tests/fuzz).
    set(sanitize_flags -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all)
elseif(NOT MILLRACE_SANITIZE STREQUAL "")
    message(FATAL_ERROR "MILLRACE_SANITIZE is '${MILLRACE_SANITIZE}'; use 'address', 'thread' or 'fuzzer'")
endif()
if(sanitize_flags)
    add_compile_options(${sanitize_flags})
    add_link_options(${sanitize_flags})
    # Sanitizer instrumentation makes the two flow-based warnings above fire falsely at any level.
    target_compile_options(millrace_compiler INTERFACE
        -Wno-null-dereference -Wno-maybe-uninitialized -Wno-restrict)
    if(MILLRACE_SANITIZE STREQUAL "thread")
        # GCC cannot model std::atomic_thread_fence under TSan; libraries that use it are fine.
        target_compile_options(millrace_compiler INTERFACE -Wno-tsan)
    endif()
endif()
