// Weights in bf16 as products want them: cast and packed once per optimizer step, or once for all where they are frozen.
#pragma once

#include "tiles.h"

#if defined(LIMBECK_AVX512)

#include <ATen/record_function.h>

#include <map>
#include <tuple>
#include <unordered_map>

namespace limbeck {

/** Which operand a weight is: of the forward pass, or of its input's gradient. */
enum class Use { kForward, kInputGradient };

/** Packed weights, by the memory they were packed of. Whatever is written to is forgotten, and packed again when needed. */
class PackedWeights {
 public:
  /** A weight [N, K] in f32 or bf16. */
  const Panels<BFloat16>& Of(const Tensor& weight, Use use) {
    c10::StorageImpl* const storage = weight.storage().unsafeGetStorageImpl();
    const auto found = kept_.find(storage);
    if (found == kept_.end() || found->second.memory.expired()) {
      Sweep();
      kept_.insert_or_assign(storage, Entry{weight.storage().getWeakStorageImpl(), {}});
    }
    auto& panels = kept_.at(storage).panels;
    const Key key{weight.storage_offset(), weight.size(0), weight.size(1), use};
    const auto packed = panels.find(key);
    return packed != panels.end() ? packed->second : panels.emplace(key, Pack(weight, use)).first->second;
  }

  void Forget(const Tensor& written) {
    if (kept_.empty() || !written.has_storage()) return;
    const auto found = kept_.find(written.storage().unsafeGetStorageImpl());
    if (found != kept_.end()) found->second.panels.clear();
  }

 private:
  using Key = std::tuple<int64_t, int64_t, int64_t, Use>;
  struct Entry {
    c10::weak_intrusive_ptr<c10::StorageImpl> memory; // Another tensor may lie at the same address later.
    std::map<Key, Panels<BFloat16>> panels;
  };

  static Panels<BFloat16> Pack(const Tensor& weight, Use use) {
    RECORD_FUNCTION("limbeck::packWeight", {});
    return weight.scalar_type() == at::kFloat ? Pack(weight.data_ptr<float>(), weight, use) : Pack(weight.data_ptr<BFloat16>(), weight, use);
  }

  template <class T>
  static Panels<BFloat16> Pack(const T* values, const Tensor& weight, Use use) {
    const int64_t N = weight.size(0), K = weight.size(1);
    return use == Use::kForward ? PackTransposed<BFloat16>(values, K, N) : PackRows<BFloat16>(values, K, N, N, K);
  }

  void Sweep() {
    std::erase_if(kept_, [](const auto& entry) { return entry.second.memory.expired(); });
  }

  std::unordered_map<c10::StorageImpl*, Entry> kept_;
};

}  // namespace limbeck

#endif
