// Gathers the binding tables into one module object and says how errors and tensors cross.
#include "convert.h"
#include "tables.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <thread>

namespace limbeck {

TensorTable& Table() {
  static auto* table = new TensorTable; // Never destroyed: at exit, what its tensors need may be gone before it.
  return *table;
}

namespace {

napi_ref error_classes[2] = {nullptr, nullptr};

napi_value SetErrorClasses(napi_env env, napi_callback_info info) {
  size_t argc = 2;
  napi_value argv[2];
  napi_get_cb_info(env, info, &argc, argv, nullptr, nullptr);
  for (int i = 0; i < 2; ++i) napi_create_reference(env, argv[i], 1, &error_classes[i]);
  return nullptr;
}

Bindings AllBindings() {
  Bindings all;
  for (auto table : {Pointwise(), Reductions(), LinearAlgebra(), Shapes(), Layers(), Storage(), Autograd(), Random(), Vocabulary(), Optim(), Engine(), Profile()})
    all.insert(all.end(), table.begin(), table.end());
  return all;
}

void Export(napi_env env, napi_value exports, const char* name, napi_value value) {
  bool exists = false;
  napi_has_named_property(env, exports, name, &exists);
  if (exists) throw std::runtime_error(std::string("two bindings are called ") + name);
  napi_set_named_property(env, exports, name, value);
}

// When a process exits, libtorch takes its thousands of operators down one by one: a tenth of a second, of no use to anybody.
// Node has ended by then, and its own exit handlers have run.
void ExitAtOnce() {
#if defined(__GLIBC__)
  static const int registered = on_exit(
      [](int status, void*) {
        std::fflush(nullptr);
        _exit(status);
      },
      nullptr);
  static_cast<void>(registered);
#endif
}

napi_value Init(napi_env env, napi_value exports) {
  static const std::thread::id owner = std::this_thread::get_id();
  if (std::this_thread::get_id() != owner) {
    napi_throw_error(env, nullptr, "it runs on one thread, and another has loaded it: use a process instead of a worker");
    return nullptr;
  }
  KeepMemory();
  ExitAtOnce();
  // The table lives as long as the process: callbacks point at its names.
  static const Bindings bindings = AllBindings();
  napi_value signatures;
  napi_create_object(env, &signatures);
  try {
    for (const Binding& binding : bindings) {
      napi_value function, signature;
      napi_create_function(env, binding.name, NAPI_AUTO_LENGTH, binding.callback, const_cast<char*>(binding.name), &function);
      Export(env, exports, binding.name, function);
      napi_create_string_utf8(env, binding.signature.data(), binding.signature.size(), &signature);
      napi_set_named_property(env, signatures, binding.name, signature);
    }
  } catch (const std::exception& e) {
    napi_throw_error(env, nullptr, e.what());
    return nullptr;
  }
  napi_value function;
  napi_create_function(env, "setErrorClasses", NAPI_AUTO_LENGTH, SetErrorClasses, nullptr, &function);
  Export(env, exports, "setErrorClasses", function);
  Export(env, exports, "signatures", signatures);
  return exports;
}

}  // namespace

void ThrowJs(napi_env env, ErrorKind kind, const std::string& message) {
  napi_ref reference = error_classes[static_cast<int>(kind)];
  if (reference == nullptr) {
    napi_throw_error(env, nullptr, message.c_str());
    return;
  }
  napi_value constructor, error;
  napi_value argument = Js<std::string>::To(env, message);
  napi_get_reference_value(env, reference, &constructor);
  napi_new_instance(env, constructor, 1, &argument, &error);
  napi_throw(env, error);
}

}  // namespace limbeck

NAPI_MODULE(NODE_GYP_MODULE_NAME, limbeck::Init)
