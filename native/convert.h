// The only file that knows both JavaScript and C++ values.
//
// Js<T> says how a type crosses: `name` is its TypeScript type, `From` reads it, `To` makes it. A type without one does
// not compile. Op(name, lambda) deduces the argument and result types of a lambda and makes the callback and the
// TypeScript signature from them, so that neither is ever written by hand.
#pragma once

#include <node_api.h>

#include <ATen/ATen.h>
#include <torch/version.h>

#include "tensor-table.h"

#include <cmath>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#define LIMBECK_TORCH_AT_LEAST(major, minor) \
  (TORCH_VERSION_MAJOR > (major) || (TORCH_VERSION_MAJOR == (major) && TORCH_VERSION_MINOR >= (minor)))

namespace limbeck {

template <typename T> using Optional = std::optional<T>;

// An argument of the wrong JavaScript type: our own bug, reported as NativeError.
struct BadArgument : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// A view of a typed array's memory, valid during the call.
struct Bytes {
  uint8_t* data;
  size_t length;
};

inline void Check(napi_status status, const char* expected) {
  if (status != napi_ok) throw BadArgument(std::string("expected ") + expected);
}

template <typename T, typename = void> struct Js;

template <> struct Js<double> {
  static constexpr const char* name = "number";
  static double From(napi_env env, napi_value v) {
    double out;
    Check(napi_get_value_double(env, v, &out), name);
    return out;
  }
  static napi_value To(napi_env env, double v) {
    napi_value out;
    napi_create_double(env, v, &out);
    return out;
  }
};

template <> struct Js<int64_t> {
  static constexpr const char* name = "number";
  static int64_t From(napi_env env, napi_value v) {
    const double out = Js<double>::From(env, v);
    if (out != std::floor(out) || std::abs(out) > 9007199254740991.0) throw BadArgument("expected a whole number");
    return static_cast<int64_t>(out);
  }
  static napi_value To(napi_env env, int64_t v) { return Js<double>::To(env, static_cast<double>(v)); }
};

// A whole number is an integer to libtorch's type promotion, as it is in PyTorch: int64 + 1 stays int64.
template <> struct Js<at::Scalar> {
  static constexpr const char* name = "number";
  static at::Scalar From(napi_env env, napi_value v) {
    const double out = Js<double>::From(env, v);
    if (out == std::floor(out) && std::abs(out) <= 9007199254740991.0) return static_cast<int64_t>(out);
    return out;
  }
};

template <> struct Js<bool> {
  static constexpr const char* name = "boolean";
  static bool From(napi_env env, napi_value v) {
    bool out;
    Check(napi_get_value_bool(env, v, &out), name);
    return out;
  }
  static napi_value To(napi_env env, bool v) {
    napi_value out;
    napi_get_boolean(env, v, &out);
    return out;
  }
};

template <> struct Js<std::string> {
  static constexpr const char* name = "string";
  static std::string From(napi_env env, napi_value v) {
    size_t length;
    Check(napi_get_value_string_utf8(env, v, nullptr, 0, &length), name);
    std::string out(length, '\0');
    napi_get_value_string_utf8(env, v, out.data(), length + 1, &length);
    return out;
  }
  static napi_value To(napi_env env, const std::string& v) {
    napi_value out;
    napi_create_string_utf8(env, v.data(), v.size(), &out);
    return out;
  }
};

template <> struct Js<Tensor> {
  static constexpr const char* name = "Handle";
  static const Tensor& From(napi_env env, napi_value v) {
    double handle;
    Check(napi_get_value_double(env, v, &handle), "a tensor");
    return Table().Get(handle);
  }
  static napi_value To(napi_env env, Tensor v) { return Js<double>::To(env, Table().Put(std::move(v))); }
};

// What was packed of a tensor's memory no longer holds once it is written to.
void ForgetPacked(const Tensor& written);

/** An argument whose elements an op writes to. One that it only reads is a `const Tensor&`: others do not compile. */
struct Written {
  const Tensor& tensor;

  const Tensor& operator*() const { return tensor; }
  const Tensor* operator->() const { return &tensor; }
};

template <> struct Js<Written> {
  static constexpr const char* name = "Written";
  static Written From(napi_env env, napi_value v) {
    const Tensor& tensor = Js<Tensor>::From(env, v);
    ForgetPacked(tensor);
    return {tensor};
  }
};

template <typename T> struct Js<Optional<T>> {
  static inline const std::string name = std::string(Js<T>::name) + " | null";
  static Optional<T> From(napi_env env, napi_value v) {
    napi_valuetype type;
    napi_typeof(env, v, &type);
    if (type == napi_null || type == napi_undefined) return Optional<T>();
    return Optional<T>(Js<T>::From(env, v));
  }
  static napi_value To(napi_env env, Optional<T> v) {
    if (v.has_value()) return Js<T>::To(env, std::move(*v));
    napi_value out;
    napi_get_null(env, &out);
    return out;
  }
};

template <typename T> struct Js<std::vector<T>> {
  static inline const std::string name = [] {
    const std::string element = Js<T>::name;
    return "readonly " + (element.find(' ') == std::string::npos ? element : "(" + element + ")") + "[]";
  }();
  static std::vector<T> From(napi_env env, napi_value v) {
    uint32_t length;
    Check(napi_get_array_length(env, v, &length), "an array");
    std::vector<T> out;
    out.reserve(length);
    for (uint32_t i = 0; i < length; ++i) {
      napi_value element;
      napi_get_element(env, v, i, &element);
      out.push_back(Js<T>::From(env, element));
    }
    return out;
  }
  static napi_value To(napi_env env, std::vector<T> v) {
    napi_value out;
    napi_create_array_with_length(env, v.size(), &out);
    for (uint32_t i = 0; i < v.size(); ++i) napi_set_element(env, out, i, Js<T>::To(env, std::move(v[i])));
    return out;
  }
};

template <typename... T> struct Js<std::tuple<T...>> {
  static inline const std::string name = [] {
    std::string out;
    ((out += (out.empty() ? "[" : ", ") + std::string(Js<T>::name)), ...);
    return out + "]";
  }();
  static napi_value To(napi_env env, std::tuple<T...> v) {
    napi_value out;
    napi_create_array_with_length(env, sizeof...(T), &out);
    uint32_t i = 0;
    std::apply([&](auto&&... e) { (napi_set_element(env, out, i++, Js<std::decay_t<decltype(e)>>::To(env, std::move(e))), ...); },
               std::move(v));
    return out;
  }
};

template <> struct Js<Bytes> {
  static constexpr const char* name = "Uint8Array";
  static Bytes From(napi_env env, napi_value v) {
    napi_typedarray_type type;
    size_t length;
    void* data;
    Check(napi_get_typedarray_info(env, v, &type, &length, &data, nullptr, nullptr), name);
    if (type != napi_uint8_array) throw BadArgument("expected Uint8Array");
    return {static_cast<uint8_t*>(data), length};
  }
};

struct DTypeName {
  std::string_view name;
  at::ScalarType type;
};
inline constexpr DTypeName kDTypes[] = {
    {"float32", at::kFloat}, {"bfloat16", at::kBFloat16}, {"float16", at::kHalf}, {"float64", at::kDouble},
    {"int64", at::kLong},    {"int32", at::kInt},         {"uint8", at::kByte},   {"bool", at::kBool},
};

template <> struct Js<at::ScalarType> {
  static constexpr const char* name = "DType";
  static at::ScalarType From(napi_env env, napi_value v) {
    const std::string given = Js<std::string>::From(env, v);
    for (const auto& known : kDTypes)
      if (known.name == given) return known.type;
    throw BadArgument("unknown dtype " + given);
  }
  static napi_value To(napi_env env, at::ScalarType v) {
    for (const auto& known : kDTypes)
      if (known.type == v) return Js<std::string>::To(env, std::string(known.name));
    throw BadArgument(std::string("dtype ") + at::toString(v) + " has no name here");
  }
};

template <> struct Js<at::Device> {
  static constexpr const char* name = "string";
  static at::Device From(napi_env env, napi_value v) { return at::Device(Js<std::string>::From(env, v)); }
  static napi_value To(napi_env env, at::Device v) { return Js<std::string>::To(env, v.str()); }
};

template <typename T> std::string NameOf() {
  if constexpr (std::is_void_v<T>) return "void";
  else return std::string(Js<std::decay_t<T>>::name);
}

// Throws the JavaScript error class that addon.cc was given for `kind`.
enum class ErrorKind { kNative, kLifetime };
void ThrowJs(napi_env env, ErrorKind kind, const std::string& message);

// Below it libtorch puts hints for its own developers, such as every backend it knows.
inline std::string FirstLine(const char* message) {
  const std::string_view all = message;
  return std::string(all.substr(0, all.find('\n')));
}

struct Binding {
  const char* name;
  std::string signature;
  napi_callback callback;
};

template <typename F, typename M> struct Invoker;

template <typename F, typename R, typename... A> struct Invoker<F, R (F::*)(A...) const> {
  static_assert(((!std::is_same_v<std::decay_t<A>, Tensor> || std::is_same_v<A, const Tensor&>) && ...),
                "a tensor that is read is a const Tensor&, one that is written to is Written");

  static std::string Signature() {
    std::string out = "(";
    int i = 0;
    ((out += (i ? ", " : "") + std::string(1, static_cast<char>('a' + i)) + ": " + NameOf<A>(), ++i), ...);
    return out + ") => " + NameOf<R>();
  }

  static napi_value Callback(napi_env env, napi_callback_info info) {
    size_t argc = sizeof...(A);
    napi_value argv[sizeof...(A) + 1];
    void* data;
    napi_get_cb_info(env, info, &argc, argv, nullptr, &data);
    const auto said = [data](const char* what) { return std::string(static_cast<const char*>(data)) + ": " + FirstLine(what); };
    try {
      if (argc < sizeof...(A)) throw BadArgument("expected " + std::to_string(sizeof...(A)) + " arguments, got " + std::to_string(argc));
      return Call(env, argv, std::index_sequence_for<A...>());
    } catch (const StaleTensor& e) {
      ThrowJs(env, ErrorKind::kLifetime, said(e.what()));
    } catch (const c10::Error& e) {
      ThrowJs(env, ErrorKind::kNative, said(e.what_without_backtrace()));
    } catch (const std::exception& e) {
      ThrowJs(env, ErrorKind::kNative, said(e.what()));
    } catch (...) { // What unwinds into Node ends the process.
      ThrowJs(env, ErrorKind::kNative, said("an error without a message"));
    }
    return nullptr;
  }

 private:
  template <size_t... I> static napi_value Call(napi_env env, napi_value* argv, std::index_sequence<I...>) {
    // decltype(auto) of From: tensors arrive as references into the table, everything else as values.
    std::tuple<decltype(Js<std::decay_t<A>>::From(env, argv[I]))...> args{Js<std::decay_t<A>>::From(env, argv[I])...};
    if constexpr (std::is_void_v<R>) {
      F{}(std::get<I>(args)...);
      return nullptr;
    } else {
      return Js<std::decay_t<R>>::To(env, F{}(std::get<I>(args)...));
    }
  }
};

// One op, one line: the lambda has no state and no defaults; defaults live in TypeScript.
template <typename F> Binding Op(const char* name, F) {
  using I = Invoker<F, decltype(&F::operator())>;
  return {name, I::Signature(), &I::Callback};
}

using Bindings = std::vector<Binding>;

}  // namespace limbeck
