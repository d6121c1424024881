// Group normalisation with what stands beside it in a residual block, in one pass over memory where TensorFlow's own operations
// take ten: y = act(gamma * (x + bias - mean) / sqrt(variance + epsilon) + beta), act being SiLU or nothing, and its gradient.
// Registered through TensorFlow's C interface, so it needs no more of TensorFlow's headers than Node's binding does.
//
// An image is read from memory once and then lies in the processor's cache. Sums run over the pixels of a channel in their order,
// however many threads there are, so results do not depend on the threads.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "tensors.h"
#include "vectorCode.h"
#include "workers.h"

namespace stepadapt {
namespace {

// Pixels that are summed in float32 before the sum is added to one in float64.
constexpr int64_t kRows = 16;
// Numbers of the widest vector.
constexpr int64_t kVector = 16;
// Columns that are summed side by side.
constexpr int64_t kColumns = 4 * kVector;

struct Shape {
  int64_t images, pixels, channels, groups;
  int64_t perGroup() const { return channels / groups; }
};

// 1 / (1 + e^-x) to some 2 units in the last place, without a call, so that loops around it become vector code: e^y = 2^n e^r
// with |r| <= ln 2 / 2, and e^r by its series (coefficients of Cephes' expf).
INLINE float sigmoid(float x) {
  float y = -x;
  y = y < 87.0f ? y : 87.0f;
  y = y > -87.0f ? y : -87.0f;
  const float shifted = y * 1.44269504f + 12582912.0f;  // 1.5 * 2^23: the lowest bits are the rounded integer
  const float n = shifted - 12582912.0f;
  const float r = y - n * 0.693359375f + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  const int32_t bits = (static_cast<int32_t>(n) + 127) << 23;
  float power;
  std::memcpy(&power, &bits, sizeof power);
  return 1.0f / (1.0f + p * power);
}

// How a loop goes over channels [from, to) of one image. A loop over few channels that are no whole number of vectors does the last
// ones one by one, which made 24 channels take five times as long as 32. Pixels that lie side by side are therefore taken together
// until they are, and `width` numbers then stand for `repeats` pixels.
struct Rows {
  int64_t count, stride, width, repeats;
};

Rows rowsOf(const Shape& shape, int64_t from, int64_t to) {
  const int64_t width = to - from;
  int64_t repeats = 1;
  if (width == shape.channels) {
    while (repeats < kRows && repeats * width % kVector != 0 && shape.pixels % (2 * repeats) == 0) repeats *= 2;
  }
  return {shape.pixels / repeats, shape.channels * repeats, width * repeats, repeats};
}

// Makes the numbers of the first pixel of a row those of all its pixels.
void repeat(std::vector<float>& numbers, int64_t width) {
  for (size_t i = width; i < numbers.size(); i++) numbers[i] = numbers[i - width];
}

// Adds to `totals` the columns of `rows`, or the squares of their distances from `centres`.
template <bool squares>
INLINE void addColumns(const float* x, const Rows& rows, const float* centres, double* totals) {
  const int64_t rowsAtOnce = kRows / rows.repeats;
  for (int64_t first = 0; first < rows.count; first += rowsAtOnce) {
    const int64_t end = first + rowsAtOnce < rows.count ? first + rowsAtOnce : rows.count;
    for (int64_t begin = 0; begin < rows.width; begin += kColumns) {
      const int64_t columns = rows.width - begin < kColumns ? rows.width - begin : kColumns;
      // Sums stay in registers where their number is known.
      float sums[kColumns] = {};
      const auto add = [&](int64_t count) __attribute__((always_inline)) {
        for (int64_t r = first; r < end; r++) {
          const float* __restrict row = x + r * rows.stride + begin;
          for (int64_t c = 0; c < count; c++) {
            const float away = squares ? row[c] - centres[begin + c] : row[c];
            sums[c] += squares ? away * away : away;
          }
        }
      };
      if (columns == kColumns) {
        add(kColumns);
      } else {
        add(columns);
      }
      for (int64_t c = 0; c < columns; c++) totals[begin + c] += sums[c];
    }
  }
}

// Mean and 1 / standard deviation of every group of one image, of channels [from, to). `shift` is what is added to x, or null.
FOR_EVERY_PROCESSOR void statistics(const float* x, const float* shift, const Shape& shape, float epsilon, int64_t from,
                                    int64_t to, float* mean, float* inverseStd) {
  const int64_t width = to - from, perGroup = shape.perGroup();
  const Rows rows = rowsOf(shape, from, to);
  std::vector<double> total(rows.width);
  std::vector<float> centre(rows.width);
  for (int pass = 0; pass < 2; pass++) {
    std::fill(total.begin(), total.end(), 0.0);
    if (pass == 0) {
      addColumns<false>(x + from, rows, nullptr, total.data());
    } else {
      addColumns<true>(x + from, rows, centre.data(), total.data());
    }
    for (int64_t i = rows.width - width - 1; i >= 0; i--) total[i] += total[i + width];
    const double elements = static_cast<double>(shape.pixels) * perGroup;
    for (int64_t g = from / perGroup; g < to / perGroup; g++) {
      double sum = 0;
      for (int64_t c = g * perGroup; c < (g + 1) * perGroup; c++) {
        sum += total[c - from] + (pass == 0 && shift ? shape.pixels * static_cast<double>(shift[c]) : 0.0);
      }
      if (pass == 1) {
        inverseStd[g] = static_cast<float>(1 / std::sqrt(sum / elements + epsilon));
        continue;
      }
      mean[g] = static_cast<float>(sum / elements);
      for (int64_t c = g * perGroup; c < (g + 1) * perGroup; c++) centre[c - from] = mean[g] - (shift ? shift[c] : 0.0f);
    }
    if (pass == 0) repeat(centre, width);
  }
}

FOR_EVERY_PROCESSOR void normalise(const float* x, const float* shift, const float* gamma, const float* beta,
                                   const Shape& shape, bool silu, int64_t from, int64_t to, const float* mean,
                                   const float* inverseStd, float* y) {
  const int64_t width = to - from, perGroup = shape.perGroup();
  const Rows rows = rowsOf(shape, from, to);
  std::vector<float> scaleOf(rows.width), centreOf(rows.width), offsetOf(rows.width);
  for (int64_t c = from; c < to; c++) {
    scaleOf[c - from] = gamma[c] * inverseStd[c / perGroup];
    centreOf[c - from] = mean[c / perGroup] - (shift ? shift[c] : 0.0f);
    offsetOf[c - from] = beta[c];
  }
  for (auto* numbers : {&scaleOf, &centreOf, &offsetOf}) repeat(*numbers, width);
  const float* __restrict scale = scaleOf.data();
  const float* __restrict centre = centreOf.data();
  const float* __restrict offset = offsetOf.data();
  for (int64_t r = 0; r < rows.count; r++) {
    // x and y may be the same memory: each value is read before it is replaced.
    const float* row = x + r * rows.stride + from;
    float* out = y + r * rows.stride + from;
    if (silu) {
#pragma GCC ivdep
      for (int64_t i = 0; i < rows.width; i++) {
        const float z = (row[i] - centre[i]) * scale[i] + offset[i];
        out[i] = z * sigmoid(z);
      }
    } else {
#pragma GCC ivdep
      for (int64_t i = 0; i < rows.width; i++) out[i] = (row[i] - centre[i]) * scale[i] + offset[i];
    }
  }
}

// With n = (x + bias - mean) / std, z = gamma n + beta, g = dy act'(z) and m elements in a group:
// dbeta = sum g, dgamma = sum g n, dx = (gamma g - (sum gamma g + n sum gamma g n) / m) / std, dbias = sum of dx over pixels.
// Writes the sums of one image's channels; `dx` holds g in between.
FOR_EVERY_PROCESSOR void gradients(const float* dy, const float* x, const float* shift, const float* gamma, const float* beta,
                                   const Shape& shape, bool silu, int64_t from, int64_t to, const float* mean,
                                   const float* inverseStd, float* dx, float* dbias, float* dgamma, float* dbeta) {
  const int64_t width = to - from, perGroup = shape.perGroup();
  const Rows rows = rowsOf(shape, from, to);
  std::vector<float> centreOf(rows.width), stdOf(rows.width), scaleOf(rows.width), offsetOf(rows.width), partOf(3 * rows.width);
  std::vector<double> totalOf(3 * width, 0.0);
  for (int64_t c = from; c < to; c++) {
    centreOf[c - from] = mean[c / perGroup] - (shift ? shift[c] : 0.0f);
    stdOf[c - from] = inverseStd[c / perGroup];
    scaleOf[c - from] = gamma[c];
    offsetOf[c - from] = beta[c];
  }
  for (auto* numbers : {&centreOf, &stdOf, &scaleOf, &offsetOf}) repeat(*numbers, width);
  const float* __restrict centre = centreOf.data();
  const float* __restrict inverse = stdOf.data();
  const float* __restrict scale = scaleOf.data();
  const float* __restrict offset = offsetOf.data();
  float* __restrict sumG = partOf.data();
  float* __restrict sumGn = sumG + rows.width;
  float* __restrict sumN = sumGn + rows.width;
  const int64_t rowsAtOnce = kRows / rows.repeats;
  for (int64_t first = 0; first < rows.count; first += rowsAtOnce) {
    const int64_t end = first + rowsAtOnce < rows.count ? first + rowsAtOnce : rows.count;
    std::fill(partOf.begin(), partOf.end(), 0.0f);
    for (int64_t r = first; r < end; r++) {
      const float* row = x + r * rows.stride + from;
      // dy and dx may be the same memory.
      const float* in = dy + r * rows.stride + from;
      float* out = dx + r * rows.stride + from;
      if (silu) {
#pragma GCC ivdep
        for (int64_t i = 0; i < rows.width; i++) {
          const float n = (row[i] - centre[i]) * inverse[i];
          const float z = n * scale[i] + offset[i];
          const float s = sigmoid(z);
          const float g = in[i] * (s + z * s * (1.0f - s));
          out[i] = g;
          sumG[i] += g;
          sumGn[i] += g * n;
          sumN[i] += n;
        }
      } else {
#pragma GCC ivdep
        for (int64_t i = 0; i < rows.width; i++) {
          const float n = (row[i] - centre[i]) * inverse[i];
          const float g = in[i];
          out[i] = g;
          sumG[i] += g;
          sumGn[i] += g * n;
          sumN[i] += n;
        }
      }
    }
    for (int64_t sum = 0; sum < 3; sum++) {
      for (int64_t begin = 0; begin < rows.width; begin += width) {
        for (int64_t c = 0; c < width; c++) totalOf[sum * width + c] += partOf[sum * rows.width + begin + c];
      }
    }
  }
  std::vector<float> ofG(rows.width), ofX(rows.width), constant(rows.width);
  const double elements = static_cast<double>(shape.pixels) * perGroup;
  for (int64_t g = from / perGroup; g < to / perGroup; g++) {
    const int64_t begin = g * perGroup - from, end = begin + perGroup;
    double meanG = 0, meanGn = 0;
    for (int64_t c = begin; c < end; c++) {
      meanG += scale[c] * totalOf[c] / elements;
      meanGn += scale[c] * totalOf[width + c] / elements;
    }
    const double r = inverseStd[g];
    for (int64_t c = begin; c < end; c++) {
      dbeta[from + c] = static_cast<float>(totalOf[c]);
      dgamma[from + c] = static_cast<float>(totalOf[width + c]);
      if (dbias) {
        dbias[from + c] = static_cast<float>(
            r * (scale[c] * totalOf[c] - shape.pixels * meanG - meanGn * totalOf[2 * width + c]));
      }
      ofG[c] = static_cast<float>(r * scale[c]);
      ofX[c] = static_cast<float>(-r * r * meanGn);
      constant[c] = static_cast<float>(-r * meanG);
    }
  }
  for (auto* numbers : {&ofG, &ofX, &constant}) repeat(*numbers, width);
  const float* __restrict byG = ofG.data();
  const float* __restrict byX = ofX.data();
  const float* __restrict rest = constant.data();
  for (int64_t r = 0; r < rows.count; r++) {
    const float* __restrict row = x + r * rows.stride + from;
    float* __restrict out = dx + r * rows.stride + from;
    for (int64_t i = 0; i < rows.width; i++) out[i] = out[i] * byG[i] + (row[i] - centre[i]) * byX[i] + rest[i];
  }
}

struct Settings {
  int64_t groups = 1;
  float epsilon = 0;
  bool silu = false;
};

void* newSettings(TF_OpKernelConstruction* construction) {
  auto* settings = new Settings;
  Attributes attributes(construction);
  settings->groups = attributes.integer("groups");
  settings->epsilon = attributes.number("epsilon");
  settings->silu = attributes.boolean("silu");
  return settings;
}

void deleteSettings(void* settings) { delete static_cast<Settings*>(settings); }

// (N, ..., C) with groups that divide C, or a failure of the call.
bool shapeOf(Call& call, const Tensor& x, const Settings& settings, Shape* shape) {
  const int rank = x.rank();
  if (rank < 2) return call.fail("group normalisation needs images and channels");
  shape->images = x.length(0);
  shape->channels = x.length(rank - 1);
  shape->pixels = shape->images * shape->channels == 0 ? 0 : x.size() / (shape->images * shape->channels);
  shape->groups = settings.groups;
  if (shape->groups < 1 || shape->channels % shape->groups != 0) return call.fail("the groups do not divide the channels");
  return true;
}

// Every image, or where there are fewer images than threads, parts of its groups.
template <typename Work>
void overImages(const Shape& shape, const Work& work) {
  if (shape.images == 0) return;
  const int64_t threads = Workers::shared().inOperation();
  int64_t parts = shape.images >= threads ? 1 : (threads + shape.images - 1) / shape.images;
  parts = parts < shape.groups ? parts : shape.groups;
  Workers::shared().runInOperation(shape.images * parts, [&](int64_t item) {
    const int64_t image = item / parts, part = item % parts;
    const int64_t from = part * shape.groups / parts, to = (part + 1) * shape.groups / parts;
    work(image, from * shape.perGroup(), to * shape.perGroup());
  });
}

bool hasChannels(Call& call, const Tensor& tensor, int64_t elements) {
  return tensor.size() == elements || call.fail("an input of group normalisation does not fit the channels");
}

void compute(void* kernel, TF_OpKernelContext* context) {
  const auto& settings = *static_cast<Settings*>(kernel);
  Call call(context);
  Shape shape;
  std::vector<int64_t> dimensions;
  {
    const Tensor x = call.input(0);
    if (!call.ok() || !shapeOf(call, x, settings, &shape)) return;
    dimensions = x.shape();
  }
  // Asked for before the input is held, or its memory could not become the output's.
  const Tensor y = call.outputInPlaceOf(0, 0, dimensions);
  const Tensor x = call.input(0), bias = call.input(1), gamma = call.input(2), beta = call.input(3);
  const Tensor mean = call.output(1, {shape.images, shape.groups});
  const Tensor inverseStd = call.output(2, {shape.images, shape.groups});
  if (!call.ok() || !hasChannels(call, gamma, shape.channels) || !hasChannels(call, beta, shape.channels)) return;
  if (bias.size() > 0 && !hasChannels(call, bias, shape.images * shape.channels)) return;
  overImages(shape, [&](int64_t image, int64_t from, int64_t to) {
    const int64_t first = image * shape.pixels * shape.channels;
    const float* shift = bias.size() > 0 ? bias.data() + image * shape.channels : nullptr;
    float* means = mean.data() + image * shape.groups;
    float* deviations = inverseStd.data() + image * shape.groups;
    statistics(x.data() + first, shift, shape, settings.epsilon, from, to, means, deviations);
    normalise(x.data() + first, shift, gamma.data(), beta.data(), shape, settings.silu, from, to, means, deviations,
              y.data() + first);
  });
}

void computeGradients(void* kernel, TF_OpKernelContext* context) {
  const auto& settings = *static_cast<Settings*>(kernel);
  Call call(context);
  Shape shape;
  std::vector<int64_t> dimensions;
  {
    const Tensor x = call.input(1);
    if (!call.ok() || !shapeOf(call, x, settings, &shape)) return;
    dimensions = x.shape();
  }
  const Tensor dx = call.outputInPlaceOf(0, 0, dimensions);
  const Tensor dy = call.input(0), x = call.input(1), bias = call.input(2), gamma = call.input(3), beta = call.input(4);
  const Tensor mean = call.input(5), inverseStd = call.input(6);
  if (!call.ok() || !hasChannels(call, dy, x.size()) || !hasChannels(call, mean, shape.images * shape.groups)) return;
  const Tensor dbias = call.output(1, bias.shape());
  const Tensor dgamma = call.output(2, {shape.channels}), dbeta = call.output(3, {shape.channels});
  if (!call.ok()) return;
  std::vector<float> gammas(shape.images * shape.channels), betas(gammas.size());
  overImages(shape, [&](int64_t image, int64_t from, int64_t to) {
    const int64_t first = image * shape.pixels * shape.channels, channel = image * shape.channels;
    const bool biased = bias.size() > 0;
    gradients(dy.data() + first, x.data() + first, biased ? bias.data() + channel : nullptr, gamma.data(), beta.data(), shape,
              settings.silu, from, to, mean.data() + image * shape.groups, inverseStd.data() + image * shape.groups,
              dx.data() + first, biased ? dbias.data() + channel : nullptr, gammas.data() + channel, betas.data() + channel);
  });
  for (int64_t c = 0; c < shape.channels; c++) {
    double ofGamma = 0, ofBeta = 0;
    for (int64_t image = 0; image < shape.images; image++) {
      ofGamma += gammas[image * shape.channels + c];
      ofBeta += betas[image * shape.channels + c];
    }
    dgamma.data()[c] = static_cast<float>(ofGamma);
    dbeta.data()[c] = static_cast<float>(ofBeta);
  }
}

// Output i has the shape of input source[i]; -1: not told.
template <int... source>
void shapes(TF_ShapeInferenceContext* context, TF_Status* status) {
  int output = 0;
  for (const int input : {source...}) {
    TF_ShapeHandle* handle = TF_NewShapeHandle();
    if (input >= 0) {
      TF_ShapeInferenceContextGetInput(context, input, handle, status);
      if (TF_GetCode(status) == TF_OK) TF_ShapeInferenceContextSetOutput(context, output, handle, status);
    }
    TF_DeleteShapeHandle(handle);
    output++;
  }
}

}  // namespace

void registerGroupNorm() {
  registerOperation("StepadaptGroupNorm", {"x: float", "bias: float", "gamma: float", "beta: float"},
                    {"y: float", "mean: float", "inverse_std: float"}, {"groups: int", "epsilon: float", "silu: bool"},
                    &shapes<0, -1, -1>, {&newSettings, &compute, &deleteSettings});
  registerOperation("StepadaptGroupNormGrad",
                    {"dy: float", "x: float", "bias: float", "gamma: float", "beta: float", "mean: float", "inverse_std: float"},
                    {"dx: float", "dbias: float", "dgamma: float", "dbeta: float"},
                    {"groups: int", "epsilon: float", "silu: bool"}, &shapes<1, 2, 3, 4>,
                    {&newSettings, &computeGradients, &deleteSettings});
}

}  // namespace stepadapt
