// The signals that end a process in order: SIGTERM, SIGINT, and SIGHUP, which comes when the terminal is
// closed (not under nohup, which has it ignored). They are blocked, and waited for by one thread.
//
//   block_end_signals();                     // before any thread starts
//   while (!wait_for_end(100ms)) look();     // on the main thread
#pragma once

#include <chrono>

namespace medsynth {

// Blocks them and SIGCHLD in this thread and those it starts from now on, and ignores SIGPIPE.
void block_end_signals();
// Blocks until one came (true), a child ended or the time is over (false). Takes the signal.
bool wait_for_end(std::chrono::milliseconds timeout);
// True when one came and nobody has taken it yet.
bool end_is_pending();

}  // namespace medsynth
