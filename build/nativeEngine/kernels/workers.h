// Threads of the kernels, as many as the program computes with. The C interface does not lend TensorFlow's own.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace stepadapt {

class Workers {
 public:
  // Lives as long as the process: at its end the threads just stop.
  static Workers& shared() {
    static Workers* workers = new Workers;
    return *workers;
  }

  int64_t threads() const { return threads_; }

  // Threads that an operation of a network may have: one where every thread has images of its own.
  int64_t inOperation() const { return inOperation_; }

  // `run` for such an operation.
  void runInOperation(int64_t count, const std::function<void(int64_t)>& work) {
    if (inOperation_ > 1) return run(count, work);
    for (int64_t item = 0; item < count; item++) work(item);
  }

  // Calls work(0), ..., work(count - 1), each once, on any thread, and returns when all have ended. When another operation has the
  // threads, the caller's does all.
  void run(int64_t count, const std::function<void(int64_t)>& work) {
    std::unique_lock<std::mutex> turn(turn_, std::try_to_lock);
    if (threads_ == 1 || count < 2 || !turn.owns_lock()) {
      for (int64_t item = 0; item < count; item++) work(item);
      return;
    }
    {
      std::lock_guard<std::mutex> lock(mutex_);
      work_ = &work;
      count_ = count;
      next_ = 0;
      busy_ = threads_ - 1;
      round_++;
    }
    wake_.notify_all();
    for (int64_t item; (item = next_.fetch_add(1)) < count;) work(item);
    std::unique_lock<std::mutex> lock(mutex_);
    done_.wait(lock, [&] { return busy_ == 0; });
  }

 private:
  Workers() {
    inOperation_ = told("TF_NUM_INTRAOP_THREADS");
    threads_ = std::max(inOperation_, told("TF_NUM_INTEROP_THREADS"));
    if (threads_ == 0) threads_ = std::max(1u, std::thread::hardware_concurrency());
    if (inOperation_ == 0) inOperation_ = threads_;
    for (int64_t i = 1; i < threads_; i++) std::thread([this] { loop(); }).detach();
  }

  static int64_t told(const char* variable) {
    const char* count = std::getenv(variable);
    return count ? std::max(0ll, std::atoll(count)) : 0;
  }

  void loop() {
    uint64_t seen = 0;
    for (;;) {
      const std::function<void(int64_t)>* work;
      int64_t count;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        wake_.wait(lock, [&] { return round_ != seen; });
        seen = round_;
        work = work_;
        count = count_;
      }
      for (int64_t item; (item = next_.fetch_add(1)) < count;) (*work)(item);
      std::lock_guard<std::mutex> lock(mutex_);
      if (--busy_ == 0) done_.notify_one();
    }
  }

  int64_t threads_, inOperation_;
  std::mutex turn_, mutex_;
  std::condition_variable wake_, done_;
  const std::function<void(int64_t)>* work_ = nullptr;
  int64_t count_ = 0, busy_ = 0;
  std::atomic<int64_t> next_{0};
  uint64_t round_ = 0;
};

}  // namespace stepadapt
