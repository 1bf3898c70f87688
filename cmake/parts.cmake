# The libraries Medsynth is made of. Boost and llama.cpp come from the system when new enough, else from the cache that
# scripts/setup fills; everything else is the distribution's.
if(NOT "$ENV{XDG_CACHE_HOME}" STREQUAL "")
  set(MEDSYNTH_CACHE "$ENV{XDG_CACHE_HOME}/medsynth")
else()
  set(MEDSYNTH_CACHE "$ENV{HOME}/.cache/medsynth")
endif()

file(GLOB boost_in_cache LIST_DIRECTORIES true "${MEDSYNTH_CACHE}/boost-*/include")
list(SORT boost_in_cache COMPARE NATURAL ORDER DESCENDING)
find_path(MEDSYNTH_BOOST_INCLUDE boost/redis/src.hpp PATHS ${boost_in_cache} NO_DEFAULT_PATH)
find_path(MEDSYNTH_BOOST_INCLUDE boost/redis/src.hpp)
if(NOT MEDSYNTH_BOOST_INCLUDE)
  message(FATAL_ERROR "Boost 1.92 or later is missing. Run scripts/setup.")
endif()
file(STRINGS "${MEDSYNTH_BOOST_INCLUDE}/boost/version.hpp" boost_version REGEX "define BOOST_VERSION ")
string(REGEX REPLACE ".* ([0-9]+)$" "\\1" boost_version "${boost_version}")
if(boost_version LESS 109200)
  message(FATAL_ERROR "Boost in ${MEDSYNTH_BOOST_INCLUDE} is older than 1.92. Run scripts/setup.")
endif()

file(STRINGS "${MEDSYNTH_BOOST_INCLUDE}/boost/version.hpp" MEDSYNTH_BOOST_VERSION REGEX "define BOOST_LIB_VERSION ")
string(REGEX REPLACE ".*\"(.*)\"" "\\1" MEDSYNTH_BOOST_VERSION "${MEDSYNTH_BOOST_VERSION}")

# The console's libraries, by the digests of the lock file.
file(SHA256 ${PROJECT_SOURCE_DIR}/web/package-lock.json web_lock)
string(SUBSTRING ${web_lock} 0 12 web_lock)
set(MEDSYNTH_WEB ${MEDSYNTH_CACHE}/web-${web_lock}/node_modules)
if(NOT EXISTS ${MEDSYNTH_WEB}/preact)
  message(FATAL_ERROR "The console's libraries are missing from ${MEDSYNTH_WEB}. Run scripts/setup.")
endif()

find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)
find_package(tomlplusplus REQUIRED)
find_package(EXPAT REQUIRED)
find_package(LibArchive REQUIRED)
if(MEDSYNTH_PORTABLE)
  # Of libarchive we use zip and gzip; the shared one would bring ICU along, 30 MB, for a format that we do not read. What those
  # want is there as its own dependencies, without their packages for developers.
  find_library(libarchive_static libarchive.a REQUIRED)
  set(libarchive_needs z crypto)
  foreach(name libbz2.so.1.0 liblzma.so.5 libzstd.so.1 libnettle.so.8)
    find_library(library_${name} ${name} REQUIRED)
    list(APPEND libarchive_needs ${library_${name}})
  endforeach()
  set_target_properties(LibArchive::LibArchive PROPERTIES IMPORTED_LOCATION "${libarchive_static}"
    INTERFACE_LINK_LIBRARIES "${libarchive_needs}")
endif()
find_library(MEDSYNTH_NCURSES ncursesw REQUIRED)
find_library(MEDSYNTH_UTF8PROC libutf8proc.a REQUIRED)  # categories and forms of Unicode, for tokenizers

# The header of ONNX Runtime's C library, which is loaded when a model needs it. Without it, no entailment models.
file(GLOB onnxruntime_in_cache LIST_DIRECTORIES true "${MEDSYNTH_CACHE}/onnxruntime-*/include")
list(SORT onnxruntime_in_cache COMPARE NATURAL ORDER DESCENDING)
find_path(MEDSYNTH_ONNXRUNTIME_INCLUDE onnxruntime_c_api.h PATHS ${onnxruntime_in_cache} PATH_SUFFIXES onnxruntime)
if(NOT MEDSYNTH_ONNXRUNTIME_INCLUDE)
  message(STATUS "ONNX Runtime's header is missing: entailment models will not run. scripts/setup fetches it.")
endif()
find_package(prometheus-cpp REQUIRED COMPONENTS core)
find_package(GTest REQUIRED)
find_package(rapidcheck REQUIRED)
find_package(benchmark REQUIRED)

if(MEDSYNTH_ENGINE STREQUAL "llama")
  if(MEDSYNTH_PORTABLE)
    file(GLOB llama_in_cache LIST_DIRECTORIES true "${MEDSYNTH_CACHE}/portable-llama-*")
  else()
    file(GLOB llama_in_cache LIST_DIRECTORIES true "${MEDSYNTH_CACHE}/llama-*")
  endif()
  list(SORT llama_in_cache COMPARE NATURAL ORDER DESCENDING)
  list(APPEND CMAKE_PREFIX_PATH ${llama_in_cache})
  find_package(llama REQUIRED)
  # For people who look into a problem (medsynth doctor). scripts/setup builds the source archive of llama-cpp-python, which
  # knows no commit: its own version names the source then.
  set(MEDSYNTH_LLAMA_VERSION "llama.cpp ${LLAMA_VERSION}")
  if(llama_DIR MATCHES "^${MEDSYNTH_CACHE}/(portable-)?llama-([0-9.]+)/")
    string(APPEND MEDSYNTH_LLAMA_VERSION " (llama-cpp-python ${CMAKE_MATCH_2})")
  endif()
  set(MEDSYNTH_LLAMA_COMMIT "${LLAMA_BUILD_COMMIT}")
  if(MEDSYNTH_LLAMA_COMMIT STREQUAL "unknown")
    set(MEDSYNTH_LLAMA_COMMIT "")
  endif()
endif()

# A test program links in a fraction of the time; the result is the same.
include(CheckLinkerFlag)
check_linker_flag(CXX -fuse-ld=lld MEDSYNTH_HAVE_LLD)
if(MEDSYNTH_HAVE_LLD)
  add_link_options(-fuse-ld=lld)
endif()
