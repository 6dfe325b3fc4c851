//! Sessions: the anchored grid of block heights, ids, windows, parameter history, supplier selection.
