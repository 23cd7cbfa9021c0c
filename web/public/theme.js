// Before the first paint: the theme chosen earlier on this computer, if one was.
try {
  const theme = localStorage.getItem('polyseme.theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // Storage is blocked: the system's theme holds.
}
