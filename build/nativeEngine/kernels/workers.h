// Threads of the kernels: as many as TensorFlow is told to use inside an operation. The C interface does not lend TensorFlow's own.
#pragma once

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
    const char* asked = std::getenv("TF_NUM_INTRAOP_THREADS");
    const int64_t count = asked ? std::atoll(asked) : 0;
    threads_ = count > 0 ? count : std::max(1u, std::thread::hardware_concurrency());
    for (int64_t i = 1; i < threads_; i++) std::thread([this] { loop(); }).detach();
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

  int64_t threads_;
  std::mutex turn_, mutex_;
  std::condition_variable wake_, done_;
  const std::function<void(int64_t)>* work_ = nullptr;
  int64_t count_ = 0, busy_ = 0;
  std::atomic<int64_t> next_{0};
  uint64_t round_ = 0;
};

}  // namespace stepadapt
