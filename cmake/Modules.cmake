# One target per module with explicit dependencies, so that the link graph is the architecture.
#
#   millrace_module(NAME job [COLD] SRCS job_state.cc ... DEPS millrace::base ... [PRIVATE_DEPS Boost::headers])
#   millrace_program(NAME millrace-worker [COLD] SRCS main.cc DEPS ...)
#   millrace_test(NAME job_test LABEL unit SRCS ... DEPS ... [TIMEOUT seconds])
#
# COLD is code that runs once, or waits for a person: it is optimised less, and compiled sooner (decision 10).

# Headers of others that most sources include, compiled once for all: two thirds of a second of each. Only
# where sources are compiled together; elsewhere a source that misses an include does not compile.
function(millrace_common_headers target)
    file(WRITE ${CMAKE_BINARY_DIR}/${target}.cc "")
    add_library(${target} OBJECT ${CMAKE_BINARY_DIR}/${target}.cc)
    target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR})
    target_link_libraries(${target} PRIVATE millrace_compiler Boost::headers)
    target_compile_options(${target} PRIVATE ${ARGN})
    target_precompile_headers(${target} PRIVATE
        <algorithm> <array> <boost/system/result.hpp> <charconv> <chrono> <filesystem> <fmt/format.h> <functional>
        <map> <memory> <optional> <set> <span> <string> <string_view> <unordered_map> <variant> <vector>)
endfunction()

# What every target that serves is compiled with.
function(millrace_compile target is_cold)
    target_link_libraries(${target} PRIVATE millrace_compiler)
    set(headers millrace_common_headers)
    set(options "")
    if(is_cold)
        set(headers millrace_cold_headers)
        set(options $<$<CONFIG:Release>:-O1>)
    endif()
    target_compile_options(${target} PRIVATE ${options})
    # A folder with options of its own (tests that are not optimised) cannot share what has others.
    get_directory_property(folder_options COMPILE_OPTIONS)
    get_directory_property(common_options DIRECTORY ${CMAKE_SOURCE_DIR} COMPILE_OPTIONS)
    if(NOT CMAKE_UNITY_BUILD OR NOT "${folder_options}" STREQUAL "${common_options}")
        return()
    endif()
    list(APPEND options -fpch-preprocess)  # For ccache.
    target_compile_options(${target} PRIVATE -fpch-preprocess)
    if(NOT TARGET ${headers})
        millrace_common_headers(${headers} ${options})
    endif()
    target_precompile_headers(${target} REUSE_FROM ${headers})
endfunction()

function(millrace_module)
    cmake_parse_arguments(M "COLD" "NAME" "SRCS;DEPS;PRIVATE_DEPS" ${ARGN})
    set(target millrace_${M_NAME})
    if(M_SRCS)
        add_library(${target} STATIC ${M_SRCS})
        target_include_directories(${target} PUBLIC ${CMAKE_SOURCE_DIR})
        target_link_libraries(${target} PUBLIC ${M_DEPS} PRIVATE ${M_PRIVATE_DEPS})
        millrace_compile(${target} ${M_COLD})
    else()
        add_library(${target} INTERFACE)
        target_include_directories(${target} INTERFACE ${CMAKE_SOURCE_DIR})
        target_link_libraries(${target} INTERFACE ${M_DEPS})
    endif()
    add_library(millrace::${M_NAME} ALIAS ${target})
endfunction()

function(millrace_program)
    cmake_parse_arguments(P "COLD" "NAME" "SRCS;DEPS" ${ARGN})
    add_executable(${P_NAME} ${P_SRCS})
    target_include_directories(${P_NAME} PRIVATE ${CMAKE_SOURCE_DIR})
    target_link_libraries(${P_NAME} PRIVATE ${P_DEPS})
    millrace_compile(${P_NAME} ${P_COLD})
endfunction()

# What nearly every test includes, compiled once for all: a fifth of the time of a test's build.
function(millrace_test_headers)
    file(WRITE ${CMAKE_BINARY_DIR}/test_headers.cc "")
    add_library(millrace_test_headers OBJECT ${CMAKE_BINARY_DIR}/test_headers.cc)
    target_link_libraries(millrace_test_headers PRIVATE millrace_compiler GTest::gmock)
    target_compile_options(millrace_test_headers PRIVATE -O0)
    target_precompile_headers(millrace_test_headers PRIVATE
        <algorithm> <chrono> <functional> <gmock/gmock.h> <gtest/gtest.h> <map> <memory> <mutex> <string> <vector>)
endfunction()

# LABEL is unit, integration, e2e or chaos: unit tests touch no server; the others start their own. The
# target LABEL_tests builds all tests of a label.
function(millrace_test)
    cmake_parse_arguments(T "" "NAME;LABEL;TIMEOUT" "SRCS;DEPS" ${ARGN})
    add_executable(${T_NAME} ${T_SRCS})
    target_include_directories(${T_NAME} PRIVATE ${CMAKE_SOURCE_DIR})
    target_link_libraries(${T_NAME} PRIVATE millrace_compiler ${T_DEPS} GTest::gmock GTest::gtest_main)
    if(NOT TARGET ${T_LABEL}_tests)
        add_custom_target(${T_LABEL}_tests)
    endif()
    add_dependencies(${T_LABEL}_tests ${T_NAME})
    # What is tested is optimised; the tests themselves only have to be compiled, and soon.
    target_compile_options(${T_NAME} PRIVATE -O0 -fpch-preprocess)  # The latter is for ccache.
    if(NOT TARGET millrace_test_headers)
        millrace_test_headers()
    endif()
    target_precompile_headers(${T_NAME} REUSE_FROM millrace_test_headers)
    set_target_properties(${T_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    if(NOT T_TIMEOUT)
        set(T_TIMEOUT 60)
    endif()
    set(properties LABELS "${T_LABEL}" TIMEOUT ${T_TIMEOUT})
    # ctest knows each unit test, so a hang has a name and a limit. Other tests share the servers
    # that their program starts; there the last line of the output names the test. A sanitizer makes
    # the start of a program slow, so its builds have one entry for each program too.
    if(T_LABEL STREQUAL "unit" AND NOT MILLRACE_SANITIZE)
        gtest_discover_tests(${T_NAME} TEST_PREFIX "${T_NAME}." DISCOVERY_TIMEOUT 60
            WORKING_DIRECTORY ${CMAKE_BINARY_DIR}/tests
            PROPERTIES ${properties} ENVIRONMENT "MILLRACE_SOURCE=${CMAKE_SOURCE_DIR}")
        return()
    endif()
    add_test(NAME ${T_NAME} COMMAND ${T_NAME} WORKING_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    # The longest begin first, so that no processor is idle at the end.
    set_tests_properties(${T_NAME} PROPERTIES ${properties} COST ${T_TIMEOUT}
        ENVIRONMENT "MILLRACE_BIN=${CMAKE_BINARY_DIR}/bin;MILLRACE_SOURCE=${CMAKE_SOURCE_DIR}")
endfunction()

# Makes one C++ source out of a folder of text files: a constexpr table of {name, text}.
#   embed_texts(OUT <file.cc> HEADER <"path/to/declaring.h"> FUNCTION <ns::function> FILES ...)
function(embed_texts)
    cmake_parse_arguments(E "" "OUT;HEADER;FUNCTION" "FILES" ${ARGN})
    add_custom_command(OUTPUT ${E_OUT}
        COMMAND ${CMAKE_COMMAND} -DOUT=${E_OUT} -DHEADER=${E_HEADER} -DFUNCTION=${E_FUNCTION}
                "-DFILES=${E_FILES}" -P ${CMAKE_SOURCE_DIR}/cmake/EmbedTexts.cmake
        DEPENDS ${E_FILES} ${CMAKE_SOURCE_DIR}/cmake/EmbedTexts.cmake
        VERBATIM)
endfunction()
