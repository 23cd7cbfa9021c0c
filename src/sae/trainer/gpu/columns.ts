/** Pairs by latent: latents + 1 places of first pairs, then token and entry of each pair, ascending by token. */
export const COLUMNS = /* wgsl */ `
fn firstOf(latent: u32) -> u32 { return columns[latent]; }
fn tokenOf(pair: u32) -> u32 { return columns[p.latents + 1u + 2u * pair]; }
fn entryOf(pair: u32) -> u32 { return columns[p.latents + 2u + 2u * pair]; }
`;
