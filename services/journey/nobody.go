package journey

import "strings"

// nobody are the texts that programs send when they have no id, in lower case. Whoever took
// them for ids would make one of all who were sent so.
var nobody = map[string]bool{
	"": true, "null": true, "(null)": true, "<null>": true, "nil": true, "<nil>": true,
	"undefined": true, "none": true, "nan": true, "true": true, "false": true, "0": true,
	"-1": true, "unknown": true, "anonymous": true, "guest": true, "not_authenticated": true,
	"[object object]": true, "id": true, "user_id": true, "userid": true, "distinct_id": true,
	"distinctid": true, "anonymous_id": true, "anonymousid": true, "email": true,
	"00000000-0000-0000-0000-000000000000": true,
}

const longestNobody = 36

// IsIdentity tells whether a text can be the id of somebody: it is none of the words that
// programs send for nobody, in whatever case, between whatever white space and quotes.
func IsIdentity(id string) bool {
	id = strings.Trim(id, " \t\r\n\"'`")
	return len(id) > longestNobody || !nobody[strings.ToLower(id)]
}
