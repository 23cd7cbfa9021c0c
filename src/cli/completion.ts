import { Argument, type Command } from 'commander';
import { print } from './terminal.ts';

/** Every script asks `polyseme complete -- WORD…` for candidates: one per line, `VALUE tab DESCRIPTION`. */
const SCRIPTS: Readonly<Record<string, string>> = {
  bash: `_polyseme() {
  local cur line files=0
  local -a words found
  # Words are cut at blanks alone: bash itself also cuts at the colon of builtin:sotu.
  read -ra words <<< "\${COMP_LINE:0:COMP_POINT}"
  [[ "\${COMP_LINE:0:COMP_POINT}" == *[[:space:]] ]] && words+=("")
  cur="\${words[\${#words[@]}-1]}"
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ $line == :files ]]; then files=1; continue; fi
    line="\${line%%$'\\t'*}"
    [[ $line == "$cur"* ]] && COMPREPLY+=("$line")
    [[ $line == */ || $line == *, ]] && compopt -o nospace 2>/dev/null
  done < <(polyseme complete -- "\${words[@]:1}" 2>/dev/null)
  if (( files )); then
    (( \${#COMPREPLY[@]} )) || compopt -o filenames 2>/dev/null
    while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$cur")
  fi
  if [[ $cur == *:* && $COMP_WORDBREAKS == *:* ]]; then
    COMPREPLY=("\${COMPREPLY[@]#"\${cur%"\${cur##*:}"}"}")
  fi
}
complete -F _polyseme polyseme`,
  zsh: `#compdef polyseme
_polyseme() {
  local line files=0
  local -a found
  while IFS= read -r line; do
    if [[ $line == ':files' ]]; then files=1; continue; fi
    found+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done < <(polyseme complete -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)
  (( $#found )) && _describe -V polyseme found
  (( files )) && _files
}
if [[ $funcstack[1] == _polyseme ]]; then _polyseme "$@"; else compdef _polyseme polyseme; fi`,
  fish: `function __polyseme_complete
  set -l words (commandline -opc)[2..] (commandline -ct)
  for line in (polyseme complete -- $words 2>/dev/null)
    if test "$line" = ":files"
      __fish_complete_path (commandline -ct)
    else
      echo $line
    end
  end
end
complete -c polyseme -f -a '(__polyseme_complete)'`,
};

export function define(command: Command): void {
  command
    .description(
      'Prints a script that completes commands, options, their values, files and the banks of a study when you press Tab. ' +
        'Put it where the shell looks for such scripts, or load it at the start of each shell.',
    )
    .addArgument(new Argument('<SHELL>', 'the shell').choices(Object.keys(SCRIPTS)))
    .addHelpText(
      'after',
      '\nExamples:\n  bash: add to ~/.bashrc             source <(polyseme completion bash)\n  zsh:  add to ~/.zshrc after compinit   source <(polyseme completion zsh)\n  fish: once                         polyseme completion fish > ~/.config/fish/completions/polyseme.fish',
    )
    .action((shell: string) => print(SCRIPTS[shell]));
}
