// The add-on that makes the kernels known to TensorFlow when Node loads it.
#include <node_api.h>

#include <exception>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "tensors.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace stepadapt {

void registerGroupNorm();
void registerMatrixOperations();

namespace {

class Status {
 public:
  Status() : status_(TF_NewStatus()) {}
  Status(const Status&) = delete;
  ~Status() { TF_DeleteStatus(status_); }
  TF_Status* get() const { return status_; }
  void check() const {
    if (TF_GetCode(status_) != TF_OK) throw std::runtime_error(TF_Message(status_));
  }

 private:
  TF_Status* status_;
};

}  // namespace

// Names of the operations that are registered.
std::vector<std::string>& operations() {
  static std::vector<std::string> names;
  return names;
}

void registerOperation(const char* name, std::initializer_list<const char*> inputs, std::initializer_list<const char*> outputs,
                       std::initializer_list<const char*> attributes,
                       void (*shapes)(TF_ShapeInferenceContext*, TF_Status*), const Kernel& kernel) {
  const Status status;
  TF_OpDefinitionBuilder* definition = TF_NewOpDefinitionBuilder(name);
  for (const char* input : inputs) TF_OpDefinitionBuilderAddInput(definition, input);
  for (const char* output : outputs) TF_OpDefinitionBuilderAddOutput(definition, output);
  for (const char* attribute : attributes) TF_OpDefinitionBuilderAddAttr(definition, attribute);
  TF_OpDefinitionBuilderSetShapeInferenceFunction(definition, shapes);
  TF_RegisterOpDefinition(definition, status.get());
  status.check();
  TF_KernelBuilder* builder = TF_NewKernelBuilder(name, "CPU", kernel.create, kernel.compute, kernel.destroy);
  TF_RegisterKernelBuilder(name, builder, status.get());
  status.check();
  operations().push_back(name);
}

// The add-on's property `operations`: their names.
void exportOperations(napi_env env, napi_value exports) {
  napi_value names;
  napi_create_array(env, &names);
  for (size_t i = 0; i < operations().size(); i++) {
    napi_value name;
    napi_create_string_utf8(env, operations()[i].c_str(), NAPI_AUTO_LENGTH, &name);
    napi_set_element(env, names, static_cast<uint32_t>(i), name);
  }
  napi_set_named_property(env, exports, "operations", names);
}

// The add-on's function `freeUnused`: gives what lies freed in the heap back to the system. glibc does so at the heap's end alone.
napi_value freeUnused(napi_env, napi_callback_info) {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
  return nullptr;
}

// glibc gives threads heaps of their own, and what is freed in one cannot be used in another. With one heap for all, training takes
// 4 % less memory and no more time. Threads that run already keep theirs, so this comes before TensorFlow starts its own.
void shareHeap() {
#ifdef __GLIBC__
  mallopt(M_ARENA_MAX, 1);
#endif
}

}  // namespace stepadapt

NAPI_MODULE_INIT() {
  try {
    // Node calls this once for every thread that loads the add-on.
    static std::once_flag once;
    std::call_once(once, [] {
      stepadapt::shareHeap();
      stepadapt::registerGroupNorm();
      stepadapt::registerMatrixOperations();
    });
    stepadapt::exportOperations(env, exports);
    napi_value function;
    napi_create_function(env, "freeUnused", NAPI_AUTO_LENGTH, &stepadapt::freeUnused, nullptr, &function);
    napi_set_named_property(env, exports, "freeUnused", function);
  } catch (const std::exception& error) {
    napi_throw_error(env, nullptr, error.what());
  }
  return exports;
}
