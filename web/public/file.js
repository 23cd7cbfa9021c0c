// A page that is opened as a file may read neither modules nor data beside it: it says so, as no other script runs.
if (location.protocol === 'file:') {
  document.addEventListener('DOMContentLoaded', () => {
    const main = document.createElement('main');
    main.className = 'page';
    const title = document.createElement('h1');
    title.textContent = 'This site has to be served';
    const text = document.createElement('p');
    text.textContent =
      'Browsers do not let a page that is opened as a file read the files beside it. In this folder, run “python3 -m http.server” and open http://localhost:8000, or put the folder on any host of files.';
    main.append(title, text);
    document.getElementById('root').replaceWith(main);
  });
}
