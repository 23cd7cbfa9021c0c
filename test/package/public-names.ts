// Walks the declarations of dist/: which names a face of the package exports, and what their declarations mention.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A declaration: its text, without comments, and the file that it stands in. */
export interface Declaration {
  readonly file: string;
  readonly text: string;
}

const DECLARED = /^(?:export )?(?:declare )?(?:abstract )?(?:interface|type|class|function|const|enum) (\w+)/;

/** The exported names of a .d.ts file, re-exports followed, with where each is declared. */
export function publicNames(entry: string): Map<string, Declaration> {
  const names = new Map<string, Declaration>();
  const { statements, declarations } = readDeclarations(entry);
  for (const statement of statements) {
    const all = /^export \* from ['"](.+)['"]/.exec(statement);
    if (all) for (const [name, found] of publicNames(resolved(entry, all[1]!))) names.set(name, found);
    const some = /^export (?:type )?\{([\s\S]*?)\} from ['"](.+)['"]/.exec(statement);
    if (some) {
      const from = publicNames(resolved(entry, some[2]!));
      for (const part of listed(some[1]!)) names.set(part.as, from.get(part.name)!);
    }
  }
  for (const [name, { text, exported }] of declarations) {
    if (exported) names.set(name, { file: entry, text });
  }
  return names;
}

/** Names of this package's types that a declaration mentions: those declared or imported in its file. */
export function mentioned({ file, text }: Declaration): Set<string> {
  const { statements, declarations } = readDeclarations(file);
  const known = new Set(declarations.keys());
  for (const statement of statements) {
    const imported = /^import (?:type )?\{([\s\S]*?)\} from ['"](.+)['"]/.exec(statement);
    if (!imported?.[2]?.startsWith('.')) continue;
    for (const part of listed(imported[1]!)) known.add(part.as);
  }
  // Types alone: what stands after a dot, or names a member, is none.
  const words = text.replaceAll(/'[^']*'|"[^"]*"/g, '').matchAll(/(?<![.\w])([A-Z]\w*)\b(?!\??:)/g);
  return new Set([...words].map(([, name]) => name!).filter((name) => known.has(name)));
}

function readDeclarations(file: string) {
  const text = readFileSync(file, 'utf8').replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
  // A statement of a declaration file begins at the start of a line.
  const statements = text
    .split(/\n(?=(?:export|import|declare|interface|type|class|abstract)\b)/)
    .map((s) => s.trim());
  const declarations = new Map<string, { text: string; exported: boolean }>();
  for (const statement of statements) {
    const name = DECLARED.exec(statement)?.[1];
    if (name === undefined) continue;
    const before = declarations.get(name)?.text ?? '';
    declarations.set(name, { text: `${before}\n${statement}`, exported: statement.startsWith('export') });
  }
  return { statements, declarations };
}

function resolved(file: string, path: string): string {
  return join(dirname(file), path.replace(/\.(js|ts)$/, '.d.ts'));
}

function listed(names: string): { name: string; as: string }[] {
  return names
    .split(',')
    .map((part) => part.trim().replace(/^type /, ''))
    .filter((part) => part !== '')
    .map((part) => {
      const [name, as = name] = part.split(' as ');
      return { name: name!, as: as! };
    });
}
