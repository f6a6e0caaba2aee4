package journey

// Campaign is what its maker called the campaign that a touchpoint came by. Each is empty where it
// is not stated.
type Campaign struct{ Name, Source, Medium string }
