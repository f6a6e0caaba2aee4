package fault

import "strings"

// Violation is one mistake in one field of a request.
type Violation struct {
	// Field is the path of the field as the caller wrote it, such as "question.steps[1].stage".
	Field string
	// Description says what is wrong and what to do.
	Description string
}

// Violations are the mistakes of a request, in the order of its fields. It collects them; Err
// makes them an error.
type Violations []Violation

// Add appends a mistake.
func (v *Violations) Add(field, description string) {
	*v = append(*v, Violation{Field: field, Description: description})
}

// Err gives an error of that kind (Invalid or Unsupported) that holds the violations and whose
// message names them all. It gives nil where there is none.
func (v Violations) Err(kind Kind) error {
	if len(v) == 0 {
		return nil
	}
	texts := make([]string, len(v))
	for i, violation := range v {
		texts[i] = violation.String()
	}
	return &Error{kind: kind, message: strings.Join(texts, "; "), violations: v}
}

// String is field and description with a colon between, or the description alone.
func (v Violation) String() string {
	if v.Field == "" {
		return v.Description
	}
	return v.Field + ": " + v.Description
}

// ViolationsOf gives the violations of the outermost fault that has any, nil where none has.
func ViolationsOf(err error) Violations {
	return find(err, func(e *Error) bool { return len(e.violations) > 0 }).violations
}
