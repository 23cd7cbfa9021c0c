/** Options that the command line calls otherwise than the library does. */
const FLAGS: Readonly<Record<string, string>> = { architecture: 'arch', learningRate: 'lr' };

/** A message of the library, which calls an option `option learningRate`, as the command line calls it: `--lr`. */
export function withFlags(message: string): string {
  return message.replaceAll(/\boption ([a-z][A-Za-z]*)/g, (_, name: string) => flag(name));
}

/** What an option of the library is called on the command line, with its dashes. */
export function flag(name: string): string {
  const own = Object.hasOwn(FLAGS, name) ? FLAGS[name]! : name;
  return `--${own.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
