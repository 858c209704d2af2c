export { datasetError } from '../../datasets/errors';
export { reasonOf } from '../../system/errors';
