// Package questionfile reads and writes the file in which a site's saved questions stand beside its
// map in git: a YAML mapping with one member, questions, that holds each question by its name, with
// title, kind and its words as keys. It does no I/O.
package questionfile
