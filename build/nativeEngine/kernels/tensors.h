// TensorFlow's C interface for operations, as far as these kernels need it: tensors that free themselves, and failures that reach
// the call.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <vector>

#include "tensorflow/c/kernels.h"
#include "tensorflow/c/ops.h"

namespace stepadapt {

// A tensor that an operation was given or gives, float32 unless told otherwise.
class Tensor {
 public:
  explicit Tensor(TF_Tensor* tensor) : tensor_(tensor) {}
  Tensor(Tensor&& other) noexcept : tensor_(other.tensor_) { other.tensor_ = nullptr; }
  Tensor(const Tensor&) = delete;
  ~Tensor() {
    if (tensor_) TF_DeleteTensor(tensor_);
  }
  template <typename Value = float>
  Value* data() const {
    return static_cast<Value*>(TF_TensorData(tensor_));
  }
  int64_t size() const { return TF_TensorElementCount(tensor_); }
  int rank() const { return TF_NumDims(tensor_); }
  int64_t length(int axis) const { return TF_Dim(tensor_, axis); }
  std::vector<int64_t> shape() const {
    std::vector<int64_t> lengths;
    for (int axis = 0; axis < rank(); axis++) lengths.push_back(length(axis));
    return lengths;
  }

 private:
  TF_Tensor* tensor_;
};

// One call of an operation. After a failure, `ok` is false, tensors must not be used, and TensorFlow is told at the end.
class Call {
 public:
  explicit Call(TF_OpKernelContext* context) : context_(context), status_(TF_NewStatus()) {}
  Call(const Call&) = delete;
  ~Call() {
    if (!ok()) TF_OpKernelContext_Failure(context_, status_);
    TF_DeleteStatus(status_);
  }
  bool ok() const { return TF_GetCode(status_) == TF_OK; }
  bool fail(const char* message) {
    TF_SetStatus(status_, TF_INVALID_ARGUMENT, message);
    return false;
  }
  Tensor input(int index) {
    TF_Tensor* tensor = nullptr;
    if (ok()) TF_GetInput(context_, index, &tensor, status_);
    return Tensor(tensor);
  }
  Tensor output(int index, const std::vector<int64_t>& shape, TF_DataType type = TF_FLOAT) {
    if (!ok()) return Tensor(nullptr);
    size_t bytes = TF_DataTypeSize(type);
    for (const int64_t length : shape) bytes *= static_cast<size_t>(length);
    const int rank = static_cast<int>(shape.size());
    return Tensor(TF_AllocateOutput(context_, index, type, shape.data(), rank, bytes, status_));
  }
  // An output in the memory of an input that nobody else needs any more; else in memory of its own.
  Tensor outputInPlaceOf(int input, int index, const std::vector<int64_t>& shape) {
    if (!ok()) return Tensor(nullptr);
    int forwarded;
    const int rank = static_cast<int>(shape.size());
    return Tensor(TF_ForwardInputOrAllocateOutput(context_, &input, 1, index, shape.data(), rank, &forwarded, status_));
  }

 private:
  TF_OpKernelContext* context_;
  TF_Status* status_;
};

// The attributes of an operation that is being made.
class Attributes {
 public:
  explicit Attributes(TF_OpKernelConstruction* construction) : construction_(construction), status_(TF_NewStatus()) {}
  Attributes(const Attributes&) = delete;
  ~Attributes() {
    if (TF_GetCode(status_) != TF_OK) TF_OpKernelConstruction_Failure(construction_, status_);
    TF_DeleteStatus(status_);
  }
  int64_t integer(const char* name) {
    int64_t value = 0;
    if (TF_GetCode(status_) == TF_OK) TF_OpKernelConstruction_GetAttrInt64(construction_, name, &value, status_);
    return value;
  }
  float number(const char* name) {
    float value = 0;
    if (TF_GetCode(status_) == TF_OK) TF_OpKernelConstruction_GetAttrFloat(construction_, name, &value, status_);
    return value;
  }
  bool boolean(const char* name) {
    TF_Bool value = 0;
    if (TF_GetCode(status_) == TF_OK) TF_OpKernelConstruction_GetAttrBool(construction_, name, &value, status_);
    return value != 0;
  }

 private:
  TF_OpKernelConstruction* construction_;
  TF_Status* status_;
};

struct Kernel {
  void* (*create)(TF_OpKernelConstruction*);
  void (*compute)(void*, TF_OpKernelContext*);
  void (*destroy)(void*);
};

// Makes an operation known, with its kernel for processors. Throws std::runtime_error when TensorFlow refuses it.
void registerOperation(const char* name, std::initializer_list<const char*> inputs, std::initializer_list<const char*> outputs,
                       std::initializer_list<const char*> attributes,
                       void (*shapes)(TF_ShapeInferenceContext*, TF_Status*), const Kernel& kernel);

}  // namespace stepadapt
