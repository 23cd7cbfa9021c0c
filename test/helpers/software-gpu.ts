import { existsSync } from 'node:fs';

/** SwiftShader, the software Vulkan of Debian's package chromium. */
const FOLDER = '/usr/lib/chromium';
const DRIVER = `${FOLDER}/vk_swiftshader_icd.json`;

/** The environment in which a process finds a GPU in software; null where there is none. */
export const softwareGpu: Record<string, string> | null = [DRIVER, `${FOLDER}/libvulkan.so.1`].every((file) =>
  existsSync(file),
)
  ? { LD_LIBRARY_PATH: FOLDER, VK_ICD_FILENAMES: DRIVER }
  : null;

if (softwareGpu === null) console.log(`no GPU in software (${DRIVER}): tests of WebGPU are skipped`);
