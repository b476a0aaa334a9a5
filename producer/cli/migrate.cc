// `millrace migrate`: the database's schema.

#include <fmt/format.h>

#include "common/storage/postgres/migrate.h"
#include "producer/cli/commands.h"

namespace millrace::cli {

}  // namespace millrace::cli
