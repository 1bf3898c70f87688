// Boost.Redis, compiled once for the whole program.
#include <boost/redis/src.hpp>
