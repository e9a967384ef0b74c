// What runs when: libtorch tells of each op, on whatever thread it runs, and TypeScript of the phases they belong to.
#include "tables.h"

#include <ATen/record_function.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <mutex>

namespace limbeck {

namespace {

// As TypeScript reads it (src/engine/tensor/profile.ts). Times are nanoseconds since the recording was opened.
struct Event {
  double start;
  double end;
  uint32_t name;
  uint32_t tag; // Twice the thread, plus 1 for a phase.
};
static_assert(sizeof(Event) == 24);

struct Begun final : at::ObserverContext {
  uint32_t name;
  double start;
};

// From 0 on, which is the thread that opens the first recording: JavaScript's.
uint32_t ThreadIndex() {
  static std::atomic<uint32_t> count{0};
  thread_local const uint32_t index = count++;
  return index;
}

class Recorder {
 public:
  void Open(size_t limit) {
    TORCH_CHECK(!is_recording_, "a recording is open already");
    const std::lock_guard lock(mutex_);
    Clear();
    limit_ = limit;
    is_open_ = true;
    is_full_ = false;
    opened_ = Clock::now();
    ThreadIndex();
  }

  // Only while no op runs: libtorch guards its list of callbacks against nothing else.
  void Record(bool on) {
    if (on == is_recording_) return;
    is_recording_ = on;
    if (!on) return at::removeCallback(handle_);
    handle_ = at::addGlobalCallback(
        at::RecordFunctionCallback(&OpStarts, &OpEnds).scopes({at::RecordScope::FUNCTION, at::RecordScope::BACKWARD_FUNCTION}));
  }

  void BeginPhase(const std::string& name) {
    const std::lock_guard lock(mutex_);
    if (Accepts()) phases_.push_back({NowNs(), 0, NameId(name), ThreadIndex() * 2 + 1});
  }

  void EndPhase() {
    const double end = NowNs();
    const std::lock_guard lock(mutex_);
    if (!phases_.empty()) ClosePhase(end);
  }

  std::tuple<int64_t, std::vector<std::string>, bool> Close() {
    Record(false);
    const std::lock_guard lock(mutex_);
    is_open_ = false; // Nothing comes after what is counted here.
    phases_.clear();
    std::vector<std::string> names(names_.size());
    for (const auto& [name, id] : names_) names[id] = name;
    return {static_cast<int64_t>(events_.size()), std::move(names), is_full_};
  }

  void Take(const Bytes& into) {
    const std::lock_guard lock(mutex_);
    TORCH_CHECK(into.length == events_.size() * sizeof(Event), "holds ", events_.size(), " events of ", sizeof(Event),
                " bytes, the buffer ", into.length, " bytes");
    uint8_t* next = into.data;
    for (const Event& event : events_) {
      std::memcpy(next, &event, sizeof(Event));
      next += sizeof(Event);
    }
    Clear();
  }

 private:
  using Clock = std::chrono::steady_clock;

  static std::unique_ptr<at::ObserverContext> OpStarts(const at::RecordFunction& op);
  static void OpEnds(const at::RecordFunction& op, at::ObserverContext* begun);

  double NowNs() const {
    return static_cast<double>(std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - opened_).count());
  }

  bool Accepts() const { return is_open_ && !is_full_; }

  uint32_t NameId(std::string_view name) {
    const auto found = names_.find(name);
    if (found != names_.end()) return found->second;
    return names_.emplace(name, static_cast<uint32_t>(names_.size())).first->second;
  }

  // What is full stays so: the phases that are under way end here, so that no time is counted without its ops.
  void Add(const Event& event) {
    if (!Accepts()) return;
    events_.push_back(event);
    if (events_.size() < limit_) return;
    is_full_ = true;
    const double end = NowNs();
    while (!phases_.empty()) ClosePhase(end);
  }

  void ClosePhase(double end) {
    Event phase = phases_.back();
    phases_.pop_back();
    phase.end = end;
    if (is_full_) events_.push_back(phase);
    else Add(phase);
  }

  void Clear() {
    events_.clear();
    events_.shrink_to_fit();
    phases_.clear();
    names_.clear();
  }

  // Read and written by JavaScript's thread only.
  bool is_recording_ = false;
  at::CallbackHandle handle_ = at::INVALID_CALLBACK_HANDLE;

  std::mutex mutex_;
  std::deque<Event> events_; // In the order they ended. Grows without moving what is there, which would cost the op at hand.
  std::vector<Event> phases_; // Those under way, innermost last.
  std::map<std::string, uint32_t, std::less<>> names_;
  Clock::time_point opened_;
  size_t limit_ = 0;
  bool is_open_ = false;
  bool is_full_ = false;
};

Recorder& TheRecorder() {
  static auto* recorder = new Recorder; // Never destroyed: a thread of libtorch's may end an op at exit.
  return *recorder;
}

std::unique_ptr<at::ObserverContext> Recorder::OpStarts(const at::RecordFunction& op) {
  Recorder& recorder = TheRecorder();
  const std::lock_guard lock(recorder.mutex_);
  if (!recorder.Accepts()) return nullptr;
  auto begun = std::make_unique<Begun>();
  begun->name = recorder.NameId(op.name());
  begun->start = recorder.NowNs(); // Last, as the end's comes first: the time in between is the op's alone.
  return begun;
}

void Recorder::OpEnds(const at::RecordFunction&, at::ObserverContext* context) {
  if (context == nullptr) return;
  Recorder& recorder = TheRecorder();
  const double end = recorder.NowNs();
  const auto* begun = static_cast<Begun*>(context);
  const std::lock_guard lock(recorder.mutex_);
  recorder.Add({begun->start, end, begun->name, ThreadIndex() * 2});
}

}  // namespace

Bindings Profile() {
  return {
      Op("profileOpen", [](int64_t limit) { TheRecorder().Open(static_cast<size_t>(limit)); }),
      Op("profileRecord", [](bool on) { TheRecorder().Record(on); }),
      Op("phaseBegin", [](const std::string& name) { TheRecorder().BeginPhase(name); }),
      Op("phaseEnd", [] { TheRecorder().EndPhase(); }),
      Op("profileClose", [] { return TheRecorder().Close(); }),
      Op("profileTake", [](const Bytes& into) { TheRecorder().Take(into); }),
  };
}

}  // namespace limbeck
