package journey

import "time"

// QuestionName names a saved question of a site: 1 to 63 of a-z, 0-9, "_" and "-", beginning with
// a letter.
type QuestionName string

// Valid tells whether it is a name.
func (n QuestionName) Valid() bool { return isID(string(n)) }

// QuestionVersion counts the versions of a saved question from 1.
type QuestionVersion uint32

// SavedQuestion is one version of a question under a name.
type SavedQuestion struct {
	Name    QuestionName
	Version QuestionVersion
	// Title is what people call it. May be empty.
	Title string
	// Kind says which method answers: "funnel" or "dropoff".
	Kind string
	// Content is what is asked, as canonical JSON. Two questions are equal if it is.
	Content string
	// SavedAt in UTC.
	SavedAt time.Time
}

// Same tells whether two versions hold the same.
func (q SavedQuestion) Same(as SavedQuestion) bool {
	return q.Name == as.Name && q.Title == as.Title && q.Kind == as.Kind && q.Content == as.Content
}
