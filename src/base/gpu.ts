/** What a loader of Node's addons says of a library that it found and that is none. */
const IS_THERE = /self-register/;

/**
 * Whether WebGPU's way to a GPU is there, as far as that can be told without it: on Linux the library of Vulkan. Dawn, which
 * is WebGPU here, writes lines of its own to standard error where it is missing.
 */
export function mayHaveGpu(): boolean {
  if (process.platform !== 'linux') return true;
  try {
    process.dlopen({ exports: {} }, 'libvulkan.so.1');
    return true;
  } catch (error) {
    return IS_THERE.test((error as Error).message);
  }
}
