/** What is told of an architecture that can be run; `model-config.ts` has the code. */
export interface KnownModel {
  readonly family: string;
  /** What its contexts are, and whether a position sees those after it. */
  readonly kind: 'text decoder' | 'text encoder' | 'images' | 'plain MLP';
  /** Typical checkpoints on the Hugging Face hub. */
  readonly checkpoints: readonly string[];
  /** What its activations and logits were checked against, at every site of tiny models of each variant. */
  readonly checkedAgainst: string;
}

const TRANSFORMERS = 'transformers 5.24.0';

function decoder(family: string, ...checkpoints: string[]): KnownModel {
  return { family, kind: 'text decoder', checkpoints, checkedAgainst: TRANSFORMERS };
}

function encoder(family: string, ...checkpoints: string[]): KnownModel {
  return { family, kind: 'text encoder', checkpoints, checkedAgainst: TRANSFORMERS };
}

function images(family: string, ...checkpoints: string[]): KnownModel {
  return { family, kind: 'images', checkpoints, checkedAgainst: TRANSFORMERS };
}

/** The architectures that can be run, by config.json's `model_type`. */
export const KNOWN_MODELS = {
  mixtral: decoder('Mixtral', 'mistralai/Mixtral-8x7B-v0.1', 'mistralai/Mixtral-8x22B-v0.1'),
  qwen2_moe: decoder('Qwen 1.5 and 2 with experts', 'Qwen/Qwen1.5-MoE-A2.7B', 'Qwen/Qwen2-57B-A14B'),
  qwen3_moe: decoder('Qwen 3 with experts', 'Qwen/Qwen3-30B-A3B'),
  gpt2: decoder('GPT-2', 'openai-community/gpt2', 'distilbert/distilgpt2'),
  gpt_neo: decoder('GPT-Neo', 'EleutherAI/gpt-neo-125m', 'roneneldan/TinyStories-33M'),
  gpt_neox: decoder('GPT-NeoX, Pythia', 'EleutherAI/pythia-70m-deduped', 'EleutherAI/gpt-neox-20b'),
  gptj: decoder('GPT-J', 'EleutherAI/gpt-j-6b'),
  gpt_bigcode: decoder('GPT-BigCode', 'bigcode/gpt_bigcode-santacoder', 'bigcode/starcoderbase-1b'),
  opt: decoder('OPT', 'facebook/opt-125m', 'facebook/galactica-125m'),
  falcon: decoder('Falcon', 'tiiuae/falcon-7b', 'tiiuae/falcon-11B'),
  phi: decoder('Phi 1, 1.5, 2', 'microsoft/phi-1_5', 'microsoft/phi-2'),
  stablelm: decoder('StableLM', 'stabilityai/stablelm-2-1_6b', 'stabilityai/stablelm-3b-4e1t'),
  llama: decoder('Llama', 'HuggingFaceTB/SmolLM2-135M', 'meta-llama/Llama-3.2-1B'),
  bert: encoder('BERT', 'google-bert/bert-base-uncased', 'sentence-transformers/all-MiniLM-L6-v2'),
  roberta: encoder('RoBERTa', 'FacebookAI/roberta-base', 'sentence-transformers/all-distilroberta-v1'),
  'xlm-roberta': encoder('XLM-RoBERTa', 'FacebookAI/xlm-roberta-base', 'BAAI/bge-m3'),
  camembert: encoder('CamemBERT', 'almanach/camembert-base'),
  distilbert: encoder('DistilBERT', 'distilbert/distilbert-base-uncased'),
  mpnet: encoder('MPNet', 'microsoft/mpnet-base', 'sentence-transformers/all-mpnet-base-v2'),
  modernbert: encoder('ModernBERT', 'answerdotai/ModernBERT-base'),
  mistral: decoder('Mistral', 'mistralai/Mistral-7B-v0.1', 'mistralai/Mistral-7B-v0.3'),
  qwen2: decoder('Qwen 2, 2.5', 'Qwen/Qwen2.5-0.5B', 'Qwen/Qwen2-1.5B'),
  qwen3: decoder('Qwen 3', 'Qwen/Qwen3-0.6B', 'Qwen/Qwen3-4B'),
  gemma: decoder('Gemma', 'google/gemma-2b'),
  gemma2: decoder('Gemma 2', 'google/gemma-2-2b', 'google/gemma-2-9b'),
  gemma3_text: decoder('Gemma 3', 'google/gemma-3-270m', 'google/gemma-3-1b-pt'),
  gemma3: decoder('Gemma 3, its text part', 'google/gemma-3-4b-pt'),
  olmo2: decoder('OLMo 2', 'allenai/OLMo-2-0425-1B', 'allenai/OLMo-2-1124-7B'),
  smollm3: decoder('SmolLM3', 'HuggingFaceTB/SmolLM3-3B'),
  phi3: decoder('Phi 3, 3.5, 4', 'microsoft/Phi-3-mini-4k-instruct', 'microsoft/phi-4'),
  vit: images('ViT', 'google/vit-base-patch16-224'),
  deit: images('DeiT', 'facebook/deit-small-distilled-patch16-224'),
  dinov2: images('DINOv2', 'facebook/dinov2-small'),
  dinov2_with_registers: images('DINOv2 with registers', 'facebook/dinov2-with-registers-small'),
  clip: images('CLIP’s vision tower', 'openai/clip-vit-base-patch32'),
  clip_vision_model: images('CLIP’s vision tower'),
  mlp: {
    family: 'Plain MLP',
    kind: 'plain MLP',
    checkpoints: [],
    checkedAgainst: 'float64, and its author’s accuracy on MNIST',
  },
} as const satisfies Readonly<Record<string, KnownModel>>;

/** A `model_type` that can be run. */
export type KnownType = keyof typeof KNOWN_MODELS;
