package engine

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// exception is an error of ClickHouse: its number, its name in capitals, and its whole text, which
// begins with "Code: N.".
type exception struct {
	code int
	name string
	text string
}

// Error gives ClickHouse's text.
func (e *exception) Error() string { return e.text }

// The errors of ClickHouse that this package raises itself.
var (
	badArguments     = exception{code: 36, name: "BAD_ARGUMENTS"}
	notImplemented   = exception{code: 48, name: "NOT_IMPLEMENTED"}
	syntaxError      = exception{code: 62, name: "SYNTAX_ERROR"}
	incorrectData    = exception{code: 117, name: "INCORRECT_DATA"}
	accessDenied     = exception{code: 497, name: "ACCESS_DENIED"}
	unknownException = exception{code: 1002, name: "UNKNOWN_EXCEPTION"}
)

// raise gives the exception a text in ClickHouse's own form.
func (e exception) raise(format string, args ...any) error {
	message := strings.TrimSuffix(fmt.Sprintf(format, args...), ".")
	e.text = fmt.Sprintf("Code: %d. DB::Exception: %s. (%s)", e.code, message, e.name)
	return &e
}

var (
	codePattern = regexp.MustCompile(`^(?:Error: )?Code: (\d+)\.`)
	namePattern = regexp.MustCompile(`\(([A-Z][A-Z0-9_]+)\)`)
)

// exceptionFrom reads the error text of libchdb; nil when the text is empty.
func exceptionFrom(text string) error {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil
	}
	match := codePattern.FindStringSubmatch(text)
	if match == nil {
		return unknownException.raise("%s", text)
	}
	code, err := strconv.Atoi(match[1])
	if err != nil {
		return unknownException.raise("%s", text)
	}
	e := &exception{code: code, text: strings.TrimPrefix(text, "Error: ")}
	if names := namePattern.FindAllStringSubmatch(text, -1); names != nil {
		e.name = names[len(names)-1][1]
	}
	return e
}

// asException turns any error into an exception; one that is none keeps its text.
func asException(err error) *exception {
	var e *exception
	if !errors.As(err, &e) {
		errors.As(unknownException.raise("%v", err), &e)
	}
	return e
}

// statusByName holds the HTTP statuses of a ClickHouse server other than 500, after
// src/Server/HTTP/exceptionCodeToHTTPStatus.cpp of ClickHouse.
var statusByName = map[string]int{
	"REQUIRED_PASSWORD":     http.StatusUnauthorized,
	"UNKNOWN_USER":          http.StatusForbidden,
	"WRONG_PASSWORD":        http.StatusForbidden,
	"AUTHENTICATION_FAILED": http.StatusForbidden,
	"SET_NON_GRANTED_ROLE":  http.StatusForbidden,
	"ACCESS_DENIED":         http.StatusForbidden,

	"BAD_ARGUMENTS":                         http.StatusBadRequest,
	"CANNOT_COMPILE_REGEXP":                 http.StatusBadRequest,
	"CANNOT_PARSE_TEXT":                     http.StatusBadRequest,
	"CANNOT_PARSE_ESCAPE_SEQUENCE":          http.StatusBadRequest,
	"CANNOT_PARSE_QUOTED_STRING":            http.StatusBadRequest,
	"CANNOT_PARSE_DATE":                     http.StatusBadRequest,
	"CANNOT_PARSE_DATETIME":                 http.StatusBadRequest,
	"CANNOT_PARSE_NUMBER":                   http.StatusBadRequest,
	"CANNOT_PARSE_DOMAIN_VALUE_FROM_STRING": http.StatusBadRequest,
	"CANNOT_PARSE_IPV4":                     http.StatusBadRequest,
	"CANNOT_PARSE_IPV6":                     http.StatusBadRequest,
	"CANNOT_PARSE_UUID":                     http.StatusBadRequest,
	"CANNOT_PARSE_INPUT_ASSERTION_FAILED":   http.StatusBadRequest,
	"DUPLICATE_COLUMN":                      http.StatusBadRequest,
	"ILLEGAL_COLUMN":                        http.StatusBadRequest,
	"UNKNOWN_ELEMENT_IN_AST":                http.StatusBadRequest,
	"UNKNOWN_TYPE_OF_AST_NODE":              http.StatusBadRequest,
	"THERE_IS_NO_COLUMN":                    http.StatusBadRequest,
	"TOO_DEEP_AST":                          http.StatusBadRequest,
	"TOO_BIG_AST":                           http.StatusBadRequest,
	"UNEXPECTED_AST_STRUCTURE":              http.StatusBadRequest,
	"SYNTAX_ERROR":                          http.StatusBadRequest,
	"INCORRECT_DATA":                        http.StatusBadRequest,
	"TYPE_MISMATCH":                         http.StatusBadRequest,
	"VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE":    http.StatusBadRequest,

	"UNKNOWN_TABLE":                http.StatusNotFound,
	"UNKNOWN_FUNCTION":             http.StatusNotFound,
	"UNKNOWN_IDENTIFIER":           http.StatusNotFound,
	"UNKNOWN_TYPE":                 http.StatusNotFound,
	"UNKNOWN_STORAGE":              http.StatusNotFound,
	"UNKNOWN_DATABASE":             http.StatusNotFound,
	"UNKNOWN_SETTING":              http.StatusNotFound,
	"UNKNOWN_DIRECTION_OF_SORTING": http.StatusNotFound,
	"UNKNOWN_AGGREGATE_FUNCTION":   http.StatusNotFound,
	"UNKNOWN_FORMAT":               http.StatusNotFound,
	"UNKNOWN_DATABASE_ENGINE":      http.StatusNotFound,
	"UNKNOWN_TYPE_OF_QUERY":        http.StatusNotFound,
	"UNKNOWN_ROLE":                 http.StatusNotFound,

	"QUERY_IS_TOO_LARGE":     http.StatusRequestEntityTooLarge,
	"NOT_IMPLEMENTED":        http.StatusNotImplemented,
	"SOCKET_TIMEOUT":         http.StatusServiceUnavailable,
	"CANNOT_OPEN_FILE":       http.StatusServiceUnavailable,
	"CANNOT_SCHEDULE_TASK":   http.StatusServiceUnavailable,
	"TIMEOUT_EXCEEDED":       http.StatusRequestTimeout,
	"UNSUPPORTED_MEDIA_TYPE": http.StatusUnsupportedMediaType,
}

// status is the HTTP status a ClickHouse server answers with.
func (e *exception) status() int {
	if status, ok := statusByName[e.name]; ok {
		return status
	}
	return http.StatusInternalServerError
}
