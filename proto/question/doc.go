// Package question reads questions as people state them, such as "stage:purchase",
// "event:Order Completed[total>100]", "14d" or "-30d", and makes a funnel question of them. It
// does no I/O: the clock and the stages of the map are arguments. What a name means is left to
// the server.
package question
