// The signals that end a process in order: SIGTERM, SIGINT, and SIGHUP, which comes when the terminal is
// closed (not under nohup, which has it ignored). Where no terminal controls the process, SIGHUP asks it to read
// its settings again, as daemon(7) wants. They are blocked, and waited for by one thread.
//
//   block_end_signals();                     // before any thread starts
//   while (!wait_for_end(100ms)) {           // on the main thread
//     if (take_reload()) reread();
//     look();
//   }
#pragma once

#include <chrono>

namespace medsynth {

// Blocks them and SIGCHLD in this thread and those it starts from now on, and ignores SIGPIPE.
void block_end_signals();
// Blocks until one came (true), a child ended, a reload was asked for or the time is over (false). Takes the signal.
bool wait_for_end(std::chrono::milliseconds timeout);
// Whether a reload was asked for while wait_for_end() waited, once. On the thread that waits.
bool take_reload();
// True when one that ends the process came and nobody has taken it yet.
bool end_is_pending();

}  // namespace medsynth
