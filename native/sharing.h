// How kernels of our own share work among libtorch's threads.
#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>

namespace limbeck {

/**
 * Calls `body(task)` once for each of the tasks. A thread takes the next as soon as it is done with one: tasks need not be
 * alike, nor threads equally fast.
 */
template <class Body>
void ShareOut(int64_t tasks, const Body& body) {
  std::atomic<int64_t> next{0};
  at::parallel_for(0, std::min<int64_t>(tasks, at::get_num_threads()), 1, [&](int64_t, int64_t) {
    for (int64_t task = next++; task < tasks; task = next++) body(task);
  });
}

}  // namespace limbeck
