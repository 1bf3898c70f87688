// The files of an installation that a backup keeps: keys, labels, the catalogue of models, calibrations. Not the
// models themselves: the catalogue has their digests.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "medsynth/backup/archive.h"
#include "medsynth/base/error.h"
#include "medsynth/base/settings.h"

namespace medsynth::cli {

// Those that are there, by their names in a backup. Errors of read_private_file().
Result<std::vector<backup::File>> kept_files(const Settings& settings);

enum class FileState {
  absent,   // is written
  same,     // is there as it is
  differs,  // is there with other contents
  no_place  // a newer version's, or of a model whose folder is not here
};
BOOST_DESCRIBE_ENUM(FileState, absent, same, differs, no_place)
struct PlannedFile {
  std::string name;
  FileState state = FileState::absent;
  std::filesystem::path path;  // empty: no_place
  std::string bytes;
};
// What would become of these files here. `replace`: those that differ give way, the catalogue too.
Result<std::vector<PlannedFile>> plan_files(const Settings& settings, const std::vector<backup::File>& files,
                                            bool replace);
// conflict ("backup_files_differ") names those that differ.
Result<> check_files(const std::vector<PlannedFile>& planned);
// Writes those that are absent or differ, each as a whole. unavailable ("file_not_written") names it.
Result<> write_files(const std::vector<PlannedFile>& planned);

// Models of the catalogue whose files are not on this machine.
struct MissingModel {
  std::string name;
  std::string file;
  std::string sha256;  // empty: not known
};
// As it will be once those are written. Errors as of models::Catalogue::read().
Result<std::vector<MissingModel>> missing_models(const Settings& settings,
                                                 const std::vector<PlannedFile>& planned);

}  // namespace medsynth::cli
