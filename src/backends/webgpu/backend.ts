import { WebGPUBackend, webgpu_util } from '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import * as l10n from '@vscode/l10n';
import type { Adapter } from '../../engines/dawn';
import type { UserError } from '../../shared/userError';
import { DeviceMemoryError, deviceLost } from '../deviceError';

/**
 * TensorFlow.js' WebGPU backend with error reporting. If the device is lost, memory runs out, or a program is rejected,
 * the next operation or read fails, and so do all after it.
 */
export class DawnBackend extends WebGPUBackend {
  /** The loss of the device or of memory, whichever came first. */
  #failure: UserError | DeviceMemoryError | null = null;
  /** An error that the device reported: its own, or one caused by a buffer without memory. */
  #refusal: Error | null = null;
  /** For each buffer created since the last read, a check for whether it got memory. */
  #allocations: Promise<void>[] = [];

  constructor(
    device: GPUDevice,
    readonly adapter: Adapter,
  ) {
    super(device, adapter as GPUAdapterInfo);
    this.#watchAllocations();
    void device.lost.then(({ message, reason }) => this.#fail(deviceLost(message || reason)));
    device.addEventListener('uncapturederror', (event) => {
      event.preventDefault();
      this.#refusal ??= new Error(l10n.t('The GPU rejected an operation: {0}', event.error.message));
    });
  }

  override runWebGPUProgram(...program: Parameters<WebGPUBackend['runWebGPUProgram']>): tf.TensorInfo {
    if (this.#failure) throw this.#failure;
    return super.runWebGPUProgram(...program);
  }

  override async read(dataId: object): Promise<tf.backend_util.BackendValues> {
    const values = await super.read(dataId).catch((error: unknown) => this.#reasonOf(error));
    await Promise.all(this.#allocations.splice(0));
    // Results computed after a failure are meaningless.
    const failure = this.#failure ?? this.#refusal;
    if (failure) throw failure;
    return values;
  }

  override readSync(dataId: object): tf.backend_util.BackendValues {
    const { values } = this.tensorMap.get(dataId);
    if (values === null) throw new Error('A tensor on a GPU is read with data(), which waits for it');
    return values;
  }

  /** Uploads without mapped memory, which the superclass writes through. A buffer without memory cannot be mapped. */
  override uploadToGPU(dataId: object): void {
    const data = this.tensorMap.get(dataId);
    if (data.resource != null || !data.values) {
      super.uploadToGPU(dataId);
      return;
    }
    const bytes = webgpu_util.GPUBytesPerElement(data.dtype) * tf.util.sizeFromShape(data.shape);
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const buffer = this.bufferManager.acquireBuffer(bytes, usage);
    const Words = data.dtype === 'float32' ? Float32Array : Int32Array;
    const words = data.values instanceof Words ? data.values : Words.from(data.values as ArrayLike<number>);
    this.queue.writeBuffer(buffer, 0, words as BufferSource);
    data.resource = buffer;
    data.values = null as unknown as tf.backend_util.BackendValues;
  }

  /**
   * Makes the device report, for each buffer created on it, whether there was memory. They are few because most buffers
   * are reused.
   */
  #watchAllocations(): void {
    const { device } = this;
    const limit = Math.min(device.limits.maxBufferSize, device.limits.maxStorageBufferBindingSize);
    const createBuffer = device.createBuffer.bind(device);
    device.createBuffer = (descriptor) => {
      const { size } = descriptor;
      const lack = new DeviceMemoryError(this.bufferManager.numBytesAllocated, size, limit);
      if (size > limit) throw lack;
      device.pushErrorScope('out-of-memory');
      const buffer = createBuffer(descriptor);
      const checked = device.popErrorScope().then((error) => {
        if (error) this.#fail(lack);
      });
      // A lost device reports itself.
      this.#allocations.push(checked.catch(() => {}));
      return buffer;
    };
  }

  #fail(error: UserError | DeviceMemoryError): void {
    this.#failure ??= error;
  }

  /**
   * Throws the reason for a failed read. The read's own error says little. The device's error is more specific but may
   * arrive later.
   */
  async #reasonOf(error: unknown): Promise<never> {
    await Promise.all(this.#allocations.splice(0));
    throw this.#failure ?? this.#refusal ?? error;
  }
}
