// Wide tables and code scroll within themselves; the keyboard reaches those that do.
const scrollable = () => {
  for (const one of document.querySelectorAll('article .table-wrapper, article pre')) {
    if (one.scrollWidth > one.clientWidth) one.tabIndex = 0
    else one.removeAttribute('tabindex')
  }
}
addEventListener('resize', scrollable)
addEventListener('load', scrollable)
