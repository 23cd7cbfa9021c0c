import { PolysemeError } from '../errors.ts';

/**
 * What an import of optional packages gives.
 * @param option the option that needs them @throws PolysemeError (unsupported) where they are not installed
 */
export async function loadOptional<T>(
  load: () => Promise<T>,
  option: string,
  packages: readonly string[],
): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new PolysemeError(
      `option ${option} needs the packages ${packages.join(' and ')}, which are not installed: npm install ${packages.join(' ')}`,
      'unsupported',
    );
  }
}
