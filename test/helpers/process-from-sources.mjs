// The `--import` of a process that a test starts on the TypeScript of src/.
import 'tsx';
import './from-sources.mjs';
