// Which TensorFlow library serves which machine. Every download is pinned by its SHA-256.

/**
 * One Python wheel that carries libraries.
 * @typedef {object} Wheel
 * @property {string} project name on the Python package index
 * @property {string} version
 * @property {string} file name of the wheel
 * @property {string} platform pip's platform tag under which it is asked for
 * @property {string} sha256 as the package index lists it
 */

/**
 * A native engine that can be installed.
 * @typedef {object} Variant
 * @property {string} id name of its folder
 * @property {string} tensorflow version of the library
 * @property {'cpu' | 'cuda'} device
 * @property {readonly string[]} libraries the files inside the first wheel that the binding links against
 * @property {readonly Wheel[]} wheels TensorFlow first
 */

/**
 * What decides the choice.
 * @typedef {object} Host
 * @property {string} platform as `process.platform`
 * @property {string} arch as `process.arch`
 * @property {string | null} glibc version of the C library, null where it is another one
 * @property {boolean} nvidia whether `nvidia-smi` lists a GPU
 */

/** @typedef {'auto' | 'cpu' | 'cuda' | 'none'} EngineChoice */

export const ENGINE_CHOICES = /** @type {const} */ (['auto', 'cpu', 'cuda', 'none']);

const TENSORFLOW = '2.21.0';
/** The wheels are built for this C library or a newer one. */
const OLDEST_GLIBC = '2.27';

const LINUX_LIBRARIES = ['tensorflow/libtensorflow_cc.so.2', 'tensorflow/libtensorflow_framework.so.2'];
const MACOS_LIBRARIES = ['tensorflow/libtensorflow_cc.2.dylib', 'tensorflow/libtensorflow_framework.2.dylib'];

/** @type {(project: string, tag: string, platform: string, sha256: string) => Wheel} */
function tensorflowWheel(project, tag, platform, sha256) {
  const file = `${project.replaceAll('-', '_')}-${TENSORFLOW}-cp311-cp311-${tag}.whl`;
  return { project, version: TENSORFLOW, file, platform, sha256 };
}

/** @type {(name: string, version: string, tag: string, sha256: string) => Wheel} */
function nvidiaWheel(name, version, tag, sha256) {
  const file = `nvidia_${name.replaceAll('-', '_')}_cu12-${version}-py3-none-${tag}.whl`;
  const platform = tag.split('.').at(-1) ?? tag;
  return { project: `nvidia-${name}-cu12`, version, file, platform, sha256 };
}

/** @type {Variant} Installed, loaded and measured. */
const LINUX_X64_CPU = {
  id: `tensorflow-${TENSORFLOW}-cpu-linux-x64`,
  tensorflow: TENSORFLOW,
  device: 'cpu',
  libraries: LINUX_LIBRARIES,
  wheels: [
    tensorflowWheel(
      'tensorflow-cpu',
      'manylinux_2_27_x86_64',
      'manylinux_2_27_x86_64',
      '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c',
    ),
  ],
};

/** @type {Variant} The wheel's hash and contents are checked; it has not been run. There is no `tensorflow-cpu` here: this one is CPU only. */
const LINUX_ARM64_CPU = {
  id: `tensorflow-${TENSORFLOW}-cpu-linux-arm64`,
  tensorflow: TENSORFLOW,
  device: 'cpu',
  libraries: LINUX_LIBRARIES,
  wheels: [
    tensorflowWheel(
      'tensorflow',
      'manylinux_2_27_aarch64',
      'manylinux_2_27_aarch64',
      '4b24aca16d527a3cf1c37f720c04c484c3d20f4d0fdfa98632ac8b9f3be6eb5c',
    ),
  ],
};

/** @type {Variant} The wheel's hash and contents are checked; it has not been run. */
const MACOS_ARM64_CPU = {
  id: `tensorflow-${TENSORFLOW}-cpu-macos-arm64`,
  tensorflow: TENSORFLOW,
  device: 'cpu',
  libraries: MACOS_LIBRARIES,
  wheels: [
    tensorflowWheel(
      'tensorflow',
      'macosx_12_0_arm64',
      'macosx_12_0_arm64',
      '51f46f4806139d01fc7920cc72a4c75876f80649bf40ff083ab6212ceb43ca88',
    ),
  ],
};

/**
 * The NVIDIA libraries are the newest ones of CUDA 12 that TensorFlow's `and-cuda` extra admits. Their hashes are the index's;
 * the whole has not been run on a GPU.
 * @type {Variant}
 */
const LINUX_X64_CUDA = {
  id: `tensorflow-${TENSORFLOW}-cuda-linux-x64`,
  tensorflow: TENSORFLOW,
  device: 'cuda',
  libraries: LINUX_LIBRARIES,
  wheels: [
    tensorflowWheel(
      'tensorflow',
      'manylinux_2_27_x86_64',
      'manylinux_2_27_x86_64',
      '9056fbc9ba04235810b71ae6cbd958a196e8804fb53bbcffbf3e23b56155f124',
    ),
    nvidiaWheel(
      'cublas',
      '12.9.3.13',
      'manylinux_2_27_x86_64',
      'd7d51055f161b317c7105ddaae90e71eda059026074ffef93cf7cde2886bfe72',
    ),
    nvidiaWheel(
      'cuda-cupti',
      '12.9.79',
      'manylinux_2_25_x86_64',
      '096bcf334f13e1984ba36685ad4c1d6347db214de03dbb6eebb237b41d9d934f',
    ),
    nvidiaWheel(
      'cuda-nvcc',
      '12.9.86',
      'manylinux2010_x86_64.manylinux_2_12_x86_64',
      '5d6a0d32fdc7ea39917c20065614ae93add6f577d840233237ff08e9a38f58f0',
    ),
    nvidiaWheel(
      'cuda-nvrtc',
      '12.9.86',
      'manylinux2010_x86_64.manylinux_2_12_x86_64',
      '210cf05005a447e29214e9ce50851e83fc5f4358df8b453155d5e1918094dcb4',
    ),
    nvidiaWheel(
      'cuda-runtime',
      '12.9.79',
      'manylinux2014_x86_64.manylinux_2_17_x86_64',
      '25bba2dfb01d48a9b59ca474a1ac43c6ebf7011f1b0b8cc44f54eb6ac48a96c3',
    ),
    nvidiaWheel(
      'cudnn',
      '9.28.0.42',
      'manylinux_2_27_x86_64',
      '9ff58b7f36dacd0a93e89f8f2957b52466889217963701daa15e577317cfa375',
    ),
    nvidiaWheel(
      'cufft',
      '11.4.1.4',
      'manylinux2014_x86_64.manylinux_2_17_x86_64',
      'c67884f2a7d276b4b80eb56a79322a95df592ae5e765cf1243693365ccab4e28',
    ),
    nvidiaWheel(
      'curand',
      '10.3.10.19',
      'manylinux_2_27_x86_64',
      '49b274db4780d421bd2ccd362e1415c13887c53c214f0d4b761752b8f9f6aa1e',
    ),
    nvidiaWheel(
      'cusolver',
      '11.7.5.82',
      'manylinux_2_27_x86_64',
      '15da72d1340d29b5b3cf3fd100e3cd53421dde36002eda6ed93811af63c40d88',
    ),
    nvidiaWheel(
      'cusparse',
      '12.5.10.65',
      'manylinux2014_x86_64.manylinux_2_17_x86_64',
      '73060ce019ac064a057267c585bf1fd5a353734151f87472ff02b2c5c9984e78',
    ),
    nvidiaWheel(
      'nccl',
      '2.32.3',
      'manylinux_2_27_x86_64',
      'bb94b2348e4861d5e8aa00b36c3d12d9bdf9c6369b82cbb723de0b582280a21c',
    ),
    nvidiaWheel(
      'nvjitlink',
      '12.9.86',
      'manylinux2010_x86_64.manylinux_2_12_x86_64',
      'e3f1171dbdc83c5932a45f0f4c99180a70de9bd2718c1ab77d14104f6d7147f9',
    ),
  ],
};

/** @type {(version: string, oldest: string) => boolean} */
function isAtLeast(version, oldest) {
  return version.localeCompare(oldest, 'en', { numeric: true }) >= 0;
}

/**
 * The variants to try on a machine, best first; empty where none exists.
 * @param {EngineChoice} choice
 * @param {Host} host
 * @returns {readonly Variant[]}
 */
export function variantsFor(choice, host) {
  if (choice === 'none') return [];
  const cpu = cpuVariants(host);
  const cuda = cpu.includes(LINUX_X64_CPU) ? [LINUX_X64_CUDA] : [];
  if (choice === 'cuda') return cuda;
  return choice === 'auto' && host.nvidia ? [...cuda, ...cpu] : cpu;
}

/** @type {(host: Host) => readonly Variant[]} */
function cpuVariants({ platform, arch, glibc }) {
  if (platform === 'darwin') return arch === 'arm64' ? [MACOS_ARM64_CPU] : [];
  if (platform !== 'linux' || glibc === null || !isAtLeast(glibc, OLDEST_GLIBC)) return [];
  if (arch === 'x64') return [LINUX_X64_CPU];
  return arch === 'arm64' ? [LINUX_ARM64_CPU] : [];
}
