// How kernels of our own share work among libtorch's threads.
//
// Not by at::parallel_for: it is a template that shares its work only where OpenMP is on at our own compile time, and Clang's
// OpenMP brings threads of its own. These functions are libtorch's OpenMP's, which is loaded with it, whoever compiles this.
#pragma once

#include <ATen/Parallel.h>
#include <c10/util/ParallelGuard.h>

#include <algorithm>
#include <atomic>
#include <exception>

extern "C" {
void GOMP_parallel(void (*body)(void*), void* data, unsigned threads, unsigned flags);
int omp_get_num_threads();
int omp_get_thread_num();
}

namespace limbeck {

/** Calls `body(begin, end)` for parts of [begin, end) of at least `grain`, one a thread, as at::parallel_for does. */
template <class Body>
void ParallelFor(int64_t begin, int64_t end, int64_t grain, const Body& body) {
  if (begin >= end) return;
  at::internal::lazy_init_num_threads();
  if (end - begin <= grain || end - begin == 1 || at::in_parallel_region() || at::get_num_threads() == 1) {
    at::internal::ThreadIdGuard id(0);
    c10::ParallelGuard inside(true);
    body(begin, end);
    return;
  }
  struct Shared {
    const Body& body;
    int64_t begin, end, grain;
    std::atomic_flag failed;
    std::exception_ptr error;
  } shared{body, begin, end, grain, {}, {}};
  const auto part = [](void* data) {
    auto& shared = *static_cast<Shared*>(data);
    const int64_t length = shared.end - shared.begin, thread = omp_get_thread_num();
    const int64_t parts = std::min<int64_t>(omp_get_num_threads(), (length + shared.grain - 1) / shared.grain);
    const int64_t size = (length + parts - 1) / parts, first = shared.begin + thread * size;
    if (first >= shared.end) return;
    try {
      at::internal::ThreadIdGuard id(static_cast<int>(thread));
      c10::ParallelGuard inside(true);
      shared.body(first, std::min(shared.end, first + size));
    } catch (...) {
      if (!shared.failed.test_and_set()) shared.error = std::current_exception();
    }
  };
  GOMP_parallel(part, &shared, /*threads=*/0, /*flags=*/0);
  if (shared.error) std::rethrow_exception(shared.error);
}

/**
 * Calls `body(task)` once for each of the tasks. A thread takes the next as soon as it is done with one: tasks need not be
 * alike, nor threads equally fast.
 */
template <class Body>
void ShareOut(int64_t tasks, const Body& body) {
  std::atomic<int64_t> next{0};
  ParallelFor(0, std::min<int64_t>(tasks, at::get_num_threads()), 1, [&](int64_t, int64_t) {
    for (int64_t task = next++; task < tasks; task = next++) body(task);
  });
}

}  // namespace limbeck
