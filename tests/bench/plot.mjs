export const drawPlot = () => '<svg/>'
