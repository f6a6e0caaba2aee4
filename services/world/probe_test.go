package world
import ("testing";"time";"encoding/json")
func TestProbe(t *testing.T) {
	l := NewLive(1)
	to := time.Date(2026,3,1,0,0,0,0,time.UTC)
	t0 := time.Now()
	ms := l.Between(to.AddDate(0,0,-30), to)
	t.Log(len(ms), time.Since(t0))
	types := map[string]int{}; users := map[string]bool{}
	for _, m := range ms { types[m.Type]++; users[m.UserID]=true }
	t.Log(types, len(users))
	t0 = time.Now()
	l.Between(to, to.Add(time.Second))
	t.Log(time.Since(t0))
	for _, m := range ms[1000:1006] { b,_ := json.Marshal(m); t.Log(string(b)) }
	t.Log(l.True(Ask{Since: to.AddDate(0,0,-30), From: to.AddDate(0,0,-30), To: to, AsOf: to, Window: 14*24*time.Hour, Stages: []int{0,1,2,3,4,5,6,7,8}}))
}
