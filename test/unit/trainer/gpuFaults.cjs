// Preloaded into a trainer, has what may befall a GPU befall its own: SIGUSR2 destroys the device, and past
// TEST_GPU_MEMORY_MIB the device is asked for more than it has, so that its driver refuses.

// Nodes since 21 have one that lets nothing take its place.
const navigator = globalThis.navigator ?? {};
Object.defineProperty(globalThis, 'navigator', { configurable: false, get: () => navigator, set: undefined });

const MORE_THAN_THERE_IS = 2 ** 30;

Object.defineProperty(globalThis, 'GPUAdapter', {
  configurable: true,
  set(GPUAdapter) {
    Object.defineProperty(globalThis, 'GPUAdapter', { value: GPUAdapter, configurable: true });
    const { requestDevice } = GPUAdapter.prototype;
    GPUAdapter.prototype.requestDevice = async function (descriptor) {
      const device = await requestDevice.call(this, descriptor);
      process.on('SIGUSR2', () => device.destroy());
      const mebibytes = process.env.TEST_GPU_MEMORY_MIB;
      if (mebibytes !== undefined) limitMemory(device, Number(mebibytes) * 2 ** 20);
      return device;
    };
  },
});

function limitMemory(device, bytes) {
  const createBuffer = device.createBuffer.bind(device);
  let given = 0;
  device.createBuffer = (descriptor) => {
    const { size } = descriptor;
    if (given + size <= bytes) {
      given += size;
      return createBuffer(descriptor);
    }
    const buffer = createBuffer({ ...descriptor, size: MORE_THAN_THERE_IS });
    return Object.defineProperty(buffer, 'size', { value: size });
  };
}
