// What is done with vectors. No guard and no includes: it is compiled once for each set of instructions, in a namespace of its
// own, since Clang lets no vector cross between functions of two sets, inlined or not.

/** The same bits as another type. */
template <class To, class From>
LIMBECK_INLINE To As(From x) {
  static_assert(sizeof(To) == sizeof(From));
  To y;
  std::memcpy(&y, &x, sizeof y);
  return y;
}

LIMBECK_INLINE Floats Spread(float value) { return Floats{} + value; }

LIMBECK_INLINE Floats Load(const float* from) {
  Floats x;
  std::memcpy(&x, from, sizeof x);
  return x;
}

LIMBECK_INLINE Floats Load(const at::BFloat16* from) {
  Halves halves;
  std::memcpy(&halves, from, sizeof halves);
  return As<Floats>(__builtin_convertvector(halves, Words) << 16);
}

LIMBECK_INLINE void Store(float* to, Floats x) { std::memcpy(to, &x, sizeof x); }

// Rounded to nearest, ties to even.
LIMBECK_INLINE void Store(at::BFloat16* to, Floats x) {
  const Words bits = As<Words>(x);
  const Halves halves = __builtin_convertvector((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16, Halves);
  std::memcpy(to, &halves, sizeof halves);
}

/** The first `count` lanes; the others are `otherwise`. */
template <class T>
LIMBECK_INLINE Floats LoadTail(const T* from, int64_t count, float otherwise = 0) {
  T padded[kLanes];
  for (int64_t i = 0; i < kLanes; ++i) padded[i] = i < count ? from[i] : T(otherwise);
  return Load(padded);
}

template <class T>
LIMBECK_INLINE void StoreTail(T* to, Floats x, int64_t count) {
  T padded[kLanes];
  Store(padded, x);
  std::memcpy(to, padded, count * sizeof(T));
}

/** As many lanes as there are, up to all; none where `count` is not above 0. */
template <class T>
LIMBECK_INLINE Floats LoadUpTo(const T* from, int64_t count) {
  return count >= kLanes ? Load(from) : count > 0 ? LoadTail(from, count) : Floats{};
}

template <class T>
LIMBECK_INLINE void StoreUpTo(T* to, Floats x, int64_t count) {
  if (count >= kLanes) Store(to, x);
  else if (count > 0) StoreTail(to, x, count);
}

/** e^x for x <= 0, to 2 ulp: 2^n times a polynomial on [-ln 2 / 2, ln 2 / 2] (Cephes, expf). NaN stays NaN. */
LIMBECK_INLINE Floats Exp(Floats x) {
  x = x < -87.0f ? Spread(-87.0f) : x;
  const float magic = 12582912.0f; // 1.5 * 2^23: adding it rounds to a whole number, which its low bits then hold.
  const Floats shifted = x * 1.44269504088896341f + magic;
  const Floats n = shifted - magic;
  const Floats r = (x - n * 0.693359375f) + n * 2.12194440e-4f; // ln 2 in two parts
  Floats p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  return As<Floats>(As<Ints>(p) + (As<Ints>(shifted) << 23));
}

LIMBECK_INLINE float Largest(Floats x) {
  float largest = x[0];
  for (int64_t i = 1; i < kLanes; ++i) largest = largest < x[i] ? x[i] : largest;
  return largest;
}

LIMBECK_INLINE double Total(Floats x) {
  double total = 0;
  for (int64_t i = 0; i < kLanes; ++i) total += x[i];
  return total;
}
