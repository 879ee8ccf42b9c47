/** A file on PyPI. What it holds cannot change under its name; its sum is checked all the same. */
export interface Wheel {
  /** The project whose page lists it. */
  readonly project: string;
  readonly filename: string;
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** A current libtensorflow and what it needs, for one kind of machine. */
export interface NativeRelease {
  /** The wheel with libtensorflow and its headers. */
  readonly tensorflow: Wheel;
  /** Wheels of CUDA's libraries, which lie beside it. */
  readonly cuda: readonly Wheel[];
}

/** The version of TensorFlow that the add-on is built against. */
export const tensorflowVersion = '2.21.0';

const wheel = (filename: string, sizeBytes: number, sha256: string): Wheel => ({
  project: filename.slice(0, filename.indexOf('-')).replaceAll('_', '-'),
  filename,
  sizeBytes,
  sha256,
});

// For every wheel of CUDA the oldest version that TensorFlow's own metadata (extra "and-cuda") accepts.
const cuda: readonly Wheel[] = [
  wheel(
    'nvidia_cublas_cu12-12.5.3.2-py3-none-manylinux2014_x86_64.whl',
    363_313_169,
    'ca070ad70e9fa6654084575d01bd001f30cc4665e33d4bb9fc8e0f321caa034b',
  ),
  wheel(
    'nvidia_cuda_cupti_cu12-12.5.82-py3-none-manylinux2014_x86_64.whl',
    13_811_507,
    'bde77a5feb66752ec61db2adfe47f56b941842825b4c7e2068aff27c9d107953',
  ),
  wheel(
    'nvidia_cuda_nvcc_cu12-12.5.82-py3-none-manylinux2014_x86_64.whl',
    22_468_537,
    'b03e545b8e8c3ce7ebcd7fc44063180ff52ff01d064ece2127ed90a04ef12cd0',
  ),
  wheel(
    'nvidia_cuda_nvrtc_cu12-12.5.82-py3-none-manylinux2014_x86_64.whl',
    24_873_108,
    '3dbd97b0104b4bfbc3c4f8c79cd2496307c89c43c29a9f83125f1d76296ff3fd',
  ),
  wheel(
    'nvidia_cuda_runtime_cu12-12.5.82-py3-none-manylinux2014_x86_64.whl',
    895_707,
    '3e79a060e126df40fd3a068f3f787eb000fa51b251ec6cd97d09579632687115',
  ),
  wheel(
    'nvidia_cudnn_cu12-9.3.0.75-py3-none-manylinux2014_x86_64.whl',
    577_163_502,
    '9ad9c6929ebb5295eb4a1728024666d1c88283373e265a0c5c883e6f9d5cd76d',
  ),
  wheel(
    'nvidia_cufft_cu12-11.2.3.61-py3-none-manylinux2014_x86_64.whl',
    192_524_114,
    '9a6e8df162585750f61983a638104a48c756aa13f9f48e19ab079b38e3c828b8',
  ),
  wheel(
    'nvidia_curand_cu12-10.3.6.82-py3-none-manylinux2014_x86_64.whl',
    56_309_107,
    '2823fb27de4e44dbb22394a6adf53aa6e1b013aca0f8c22867d1cfae58405536',
  ),
  wheel(
    'nvidia_cusolver_cu12-11.6.3.83-py3-none-manylinux2014_x86_64.whl',
    130_341_232,
    '93cfafacde4428b71778eeb092ec615a02a3d05404da1bcf91c53e3fa1bce42b',
  ),
  wheel(
    'nvidia_cusparse_cu12-12.5.1.3-py3-none-manylinux2014_x86_64.whl',
    217_558_979,
    '016df8e993c437e8301e62739f01775cba988fd5253cd4c64173f8e8d2f8e752',
  ),
  wheel(
    'nvidia_nccl_cu12-2.27.7-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl',
    322_546_339,
    'de5ba5562f08029a19cb1cd659404b18411ed0d6c90ac5f52f30bf99ad5809aa',
  ),
  wheel(
    'nvidia_nvjitlink_cu12-12.5.82-py3-none-manylinux2014_x86_64.whl',
    21_298_879,
    'f9b37bc5c8cf7509665cb6ada5aaa0ce65618f2332b7d3e78e9790511f111212',
  ),
];

const releases: Readonly<Record<string, NativeRelease>> = {
  'linux-x64/cpu': {
    tensorflow: wheel(
      'tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl',
      273_829_956,
      '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c',
    ),
    cuda: [],
  },
  'linux-x64/gpu': {
    tensorflow: wheel(
      'tensorflow-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl',
      572_440_367,
      '9056fbc9ba04235810b71ae6cbd958a196e8804fb53bbcffbf3e23b56155f124',
    ),
    cuda,
  },
  'linux-arm64/cpu': {
    tensorflow: wheel(
      'tensorflow-2.21.0-cp311-cp311-manylinux_2_27_aarch64.whl',
      281_828_020,
      '4b24aca16d527a3cf1c37f720c04c484c3d20f4d0fdfa98632ac8b9f3be6eb5c',
    ),
    cuda: [],
  },
};

/** What there is for a machine such as `linux-x64`; undefined where there is nothing. */
export const releaseFor = (machine: string, variant: 'cpu' | 'gpu'): NativeRelease | undefined =>
  releases[`${machine}/${variant}`];
