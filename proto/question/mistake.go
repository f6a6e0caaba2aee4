package question

import (
	"fmt"
	"strings"
)

// Mistake is what is wrong with one word of a question.
type Mistake struct {
	// Word is its field in QuestionWords, such as "range_mode".
	Word string
	// Place is its place among several, from 0; -1 where there is but one.
	Place int
	// Problem says what is wrong and what to write.
	Problem string
}

func (m Mistake) Error() string { return m.Word + " " + m.Problem }

// Field is the field of a message that holds the words under a name: "words.step[1]" under "words".
func (m Mistake) Field(under string) string {
	field := under + "." + m.Word
	if m.Place >= 0 {
		field += fmt.Sprintf("[%d]", m.Place)
	}
	return field
}

// Mistakes are all that is wrong with the words of a question, at least one.
type Mistakes []Mistake

func (m Mistakes) Error() string {
	texts := make([]string, len(m))
	for i, each := range m {
		texts[i] = each.Error()
	}
	return strings.Join(texts, "; ")
}
