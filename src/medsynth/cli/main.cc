#include "medsynth/cli/app.h"

int main(int argc, char** argv) {
  return medsynth::cli::run(argc, argv);
}
