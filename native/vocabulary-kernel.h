// One row of logits. As vector-functions.h it is compiled once for each set of instructions.

template <class T>
LIMBECK_INLINE float LargestOf(const T* row, int64_t V) {
  Floats largest = Spread(static_cast<float>(row[0]));
  const int64_t whole = V - V % kLanes;
  for (int64_t i = 0; i < whole; i += kLanes) {
    const Floats x = Load(row + i);
    largest = largest < x ? x : largest;
  }
  if (whole < V) {
    const Floats x = LoadTail(row + whole, V - whole, kNothing);
    largest = largest < x ? x : largest;
  }
  return Largest(largest);
}

/** Exponentials of one vector of both rows: softened student and teacher, and the student at T = 1. */
struct Powers {
  Floats student, teacher, plain;
  Floats distance; // (t - s) / T, each less its row's largest
};

template <bool kSoft, bool kLabelled>
struct Kernel {
  float temperature, inverse, student_max, teacher_max;

  LIMBECK_INLINE Powers At(const Kernel& k, Floats s, Floats t) {
    Powers e{};
    const Floats from_max = s - k.student_max;
    if constexpr (kSoft) {
      const Floats a = from_max * k.inverse;
      const Floats b = (t - k.teacher_max) * k.inverse;
      e.student = Exp(a);
      e.teacher = Exp(b);
      e.distance = b - a;
      // T = 2 is the authors' temperature: e^x is then a square.
      if constexpr (kLabelled) e.plain = k.temperature == 2.0f ? e.student * e.student : Exp(from_max);
    } else {
      e.plain = Exp(from_max);
    }
    return e;
  }

  template <class T>
  LIMBECK_INLINE void Run(Row& row, T* student, const T* teacher, float* bias) {
    const int64_t whole = row.V - row.V % kLanes;
    const int64_t rest = row.V - whole;
    const Kernel k{row.temperature, 1.0f / row.temperature, LargestOf(student, row.V), kSoft ? LargestOf(teacher, row.V) : 0};
    const auto teacher_at = [&](int64_t i) LIMBECK_INLINED { return kSoft ? Load(teacher + i) : Floats{}; };

    double student_sum = 0, teacher_sum = 0, plain_sum = 0, distance_sum = 0;
    const auto add = [&](const Powers& e) LIMBECK_INLINED {
      if constexpr (kSoft) {
        student_sum += Total(e.student);
        teacher_sum += Total(e.teacher);
        distance_sum += Total(e.distance);
      }
      if constexpr (kLabelled) plain_sum += Total(e.plain);
    };
    for (int64_t block = 0; block < whole; block += kBlock * kLanes) {
      const int64_t end = std::min(whole, block + kBlock * kLanes);
      Powers sum{};
      for (int64_t i = block; i < end; i += kLanes) {
        const Powers e = At(k, Load(student + i), teacher_at(i));
        if constexpr (kSoft) {
          sum.student += e.student;
          sum.teacher += e.teacher;
          sum.distance += e.teacher * e.distance;
        }
        if constexpr (kLabelled) sum.plain += e.plain;
      }
      add(sum);
    }
    const Floats last_student = rest > 0 ? LoadTail(student + whole, rest, kNothing) : Floats{};
    const Floats last_teacher = kSoft && rest > 0 ? LoadTail(teacher + whole, rest, kNothing) : Floats{};
    if (rest > 0) {
      Powers e = At(k, last_student, last_teacher);
      e.distance = e.teacher * e.distance;
      add(e);
    }

    if constexpr (kSoft) {
      const double T2 = static_cast<double>(row.temperature) * row.temperature;
      row.ce = T2 * (distance_sum / teacher_sum - std::log(teacher_sum) + std::log(student_sum));
    }
    float at_label = 0;
    if constexpr (kLabelled) {
      at_label = static_cast<float>(student[row.label]) - k.student_max;
      row.mlm = std::log(plain_sum) - at_label;
    }

    const float soft = row.ce_scale * row.temperature;
    const float per_student = kSoft ? static_cast<float>(soft / student_sum) : 0;
    const float per_teacher = kSoft ? static_cast<float>(soft / teacher_sum) : 0;
    const float per_plain = kLabelled ? static_cast<float>(row.mlm_scale / plain_sum) : 0;
    const auto gradient = [&](Floats s, Floats t) LIMBECK_INLINED {
      const Powers e = At(k, s, t);
      Floats g{};
      if constexpr (kSoft) g = e.student * per_student - e.teacher * per_teacher;
      if constexpr (kLabelled) g += e.plain * per_plain;
      return g;
    };
    // The label's own element, before the row is overwritten.
    float target = 0;
    if constexpr (kLabelled) {
      const float t = kSoft ? static_cast<float>(teacher[row.label]) : 0;
      target = gradient(Spread(static_cast<float>(student[row.label])), Spread(t))[0] - row.mlm_scale;
      bias[row.label] -= row.mlm_scale;
    }
    for (int64_t i = 0; i < whole; i += kLanes) {
      const Floats g = gradient(Load(student + i), teacher_at(i));
      Store(student + i, g);
      Store(bias + i, Load(bias + i) + g);
    }
    if (rest > 0) {
      const Floats g = gradient(last_student, last_teacher);
      StoreTail(student + whole, g, rest);
      StoreTail(bias + whole, LoadTail(bias + whole, rest) + g, rest);
    }
    if constexpr (kLabelled) student[row.label] = static_cast<T>(target);
  }
};

template <class T>
LIMBECK_INLINE void OneRow(Row& row, T* student, const T* teacher, float* bias) {
  if (teacher != nullptr && row.label >= 0) return Kernel<true, true>::Run(row, student, teacher, bias);
  if (teacher != nullptr) return Kernel<true, false>::Run(row, student, teacher, bias);
  return Kernel<false, true>::Run(row, student, teacher, bias);
}

template <class T>
void Run(Row& row, T* student, const T* teacher, float* bias) {
  OneRow(row, student, teacher, bias);
}
